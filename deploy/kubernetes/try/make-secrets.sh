#!/bin/sh
# Makes the secrets of this overlay and a certificate for the steps door. What is there is kept.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
cd secrets

# Without a line's end: a password is taken as it stands.
make() { [ -s "$1" ] || openssl rand -hex 32 | tr -d '\n' >"$1"; }
for name in drone-webhook runner-kube-1 database-password token-key encryption-key rpc; do make "$name"; done
[ -s database-url ] || printf 'postgresql://trust:%s@trust-postgres:5432/trust' "$(cat database-password)" >database-url

if ! openssl x509 -in tls.crt -noout -checkend 2592000 >/dev/null 2>&1; then
  if [ ! -f ca.key ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=Trust service CA" \
      -addext keyUsage=critical,keyCertSign,cRLSign -keyout ca.key -out ca.crt 2>/dev/null
  fi
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=trust" \
    -keyout tls.key -out tls.csr 2>/dev/null
  printf 'subjectAltName=DNS:trust,DNS:trust.drone,DNS:trust.drone.svc\nextendedKeyUsage=serverAuth\n' >tls.ext
  openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -days 365 -extfile tls.ext -out tls.crt 2>/dev/null
fi
echo "Drone's server needs the same: DRONE_RPC_SECRET in $PWD/rpc, DRONE_WEBHOOK_SECRET in $PWD/drone-webhook,"
echo "DRONE_WEBHOOK_ENDPOINT=http://trust.drone.svc:8480/main/drone/webhook, DRONE_WEBHOOK_EVENTS=build:*"
