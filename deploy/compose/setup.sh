#!/bin/sh
# Brings the installation up: secrets and certificates that are missing are made, Gitea gets its first user
# and Drone's OAuth application, then everything starts. Run it again whenever you like; it keeps what is there.
# `./setup.sh files` makes the files only.
set -eu
cd "$(dirname "$0")"
umask 077

random() { openssl rand -hex 32; }
# Containers run as other users, and the folder keeps out everybody else on this machine.
keep() {
  if [ -s "secrets/$1" ]; then cat >/dev/null; else cat >"secrets/$1" && chmod 444 "secrets/$1"; fi
}

[ -f .env ] || cp .env.example .env
. ./.env
mkdir -p secrets/tls
chmod 700 secrets
chmod 644 service.yaml policy.yaml

random | keep drone-webhook
random | keep runner-docker-1
random | keep rpc
random | keep admin-password
keep drone-runner.env <<END
DRONE_RPC_SECRET=$(cat secrets/rpc)
DRONE_SECRET_PLUGIN_TOKEN=$(cat secrets/runner-docker-1)
END

# The authority's key is needed again only to renew the certificate: ./setup.sh renews one that is about to end.
if ! openssl x509 -in secrets/tls/tls.crt -noout -checkend 2592000 >/dev/null 2>&1; then
  if [ ! -f secrets/ca.key ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=Trust service CA" \
      -addext keyUsage=critical,keyCertSign,cRLSign -keyout secrets/ca.key -out secrets/tls/ca.crt 2>/dev/null
  fi
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=trust" \
    -keyout secrets/tls/next.key -out secrets/tls.csr 2>/dev/null
  printf 'subjectAltName=DNS:trust\nextendedKeyUsage=serverAuth\n' >secrets/tls.ext
  openssl x509 -req -in secrets/tls.csr -CA secrets/tls/ca.crt -CAkey secrets/ca.key -days 365 \
    -extfile secrets/tls.ext -out secrets/tls/next.crt 2>/dev/null
  chmod 755 secrets/tls
  chmod 444 secrets/tls/ca.crt secrets/tls/next.crt secrets/tls/next.key
  mv secrets/tls/next.key secrets/tls/tls.key
  mv secrets/tls/next.crt secrets/tls/tls.crt
fi
[ "${1:-}" != files ] || exit 0

command -v docker-compose >/dev/null && compose=docker-compose || compose='docker compose'
gitea="http://127.0.0.1:3000"

if [ ! -s secrets/drone-server.env ]; then
  # Compose wants every secret's file to be there, also those of services that wait.
  : >secrets/drone-server.env
  $compose up -d gitea
  for _ in $(seq 60); do
    curl -fs "$gitea/api/healthz" >/dev/null && break
    sleep 1
  done
  password=$(cat secrets/admin-password)
  $compose exec -T gitea gitea admin user create --admin --username "$ADMIN_NAME" --password "$password" \
    --email "$ADMIN_NAME@$GITEA_HOST" --must-change-password=false || true
  answer=$(curl -fsS -u "$ADMIN_NAME:$password" -H 'Content-Type: application/json' \
    -d "{\"name\":\"drone\",\"confidential_client\":true,\"redirect_uris\":[\"http://$DRONE_HOST:8080/login\"]}" \
    "$gitea/api/v1/user/applications/oauth2")
  field() { printf '%s' "$answer" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
  client_id=$(field client_id)
  if [ -z "$client_id" ]; then
    echo "Gitea did not make the application for Drone: $answer" >&2
    exit 1
  fi
  rm secrets/drone-server.env
  keep drone-server.env <<END
DRONE_GITEA_CLIENT_ID=$client_id
DRONE_GITEA_CLIENT_SECRET=$(field client_secret)
DRONE_RPC_SECRET=$(cat secrets/rpc)
DRONE_COOKIE_SECRET=$(random)
DRONE_DATABASE_SECRET=$(openssl rand -hex 16)
DRONE_WEBHOOK_SECRET=$(cat secrets/drone-webhook)
END
fi
$compose up -d
echo "Gitea: http://$GITEA_HOST:3000 (user $ADMIN_NAME, password in secrets/admin-password)"
echo "Drone: http://$DRONE_HOST:8080 (sign in with Gitea)"
