// Verifies one ID token with go-oidc, as a Go service would: go-oidc ISSUER AUDIENCE FILE
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	oidc "github.com/coreos/go-oidc"
)

func main() {
	ctx := context.Background()
	raw, err := os.ReadFile(os.Args[3])
	exitOn(err)
	provider, err := oidc.NewProvider(ctx, os.Args[1])
	exitOn(err)
	verifier := provider.Verifier(&oidc.Config{ClientID: os.Args[2]})
	token, err := verifier.Verify(ctx, strings.TrimSpace(string(raw)))
	exitOn(err)
	fmt.Println("accepted", token.Subject)
}

func exitOn(err error) {
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
}
