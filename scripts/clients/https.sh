#!/usr/bin/env bash
# HTTPS with an authority of one's own, by the server itself and by the proxies of docs/operations.md: curl, docker,
# skopeo, mydocker; a certificate that is replaced under load; the health command.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
export PATH=/usr/bin:$PATH
use_engines docker
named() { unshare --mount "$top/scripts/engine.sh" with-names "$@"; }

authority own
certificate own site -days 2
cp "$work/site.pem" "$work/cert.pem"
cp "$work/site.key" "$work/key.pem"

# --- by the server itself -------------------------------------------------------------------------

# docker takes any certificate of what is on 127.0.0.1.
listen_on=[::1]
export registry top
port=$(free_port)
registry=images.example:$port
server=https://$registry
data=$work/data
server_args=(--tls-cert "$work/cert.pem" --tls-key "$work/key.pem")
curl_args=(--cacert "$work/own.pem" --resolve "$registry:[::1]")
launch_server
sign_up alice 'correct horse battery'
token=$(new_token alice 'correct horse battery')

check 'the health command over TLS' "$dockyard" health --listen "[::1]:$port" --tls-cert "$work/cert.pem"
says 'it says so' '^ready$'
refuse 'curl without the authority' curl -s --resolve "$registry:[::1]" "$server/healthz"
check 'curl over HTTP/1.1' curl -sfI --http1.1 "${curl_args[@]}" "$server/"
says 'the answer keeps browsers on https' '^strict-transport-security: max-age='
check 'curl over HTTP/2' curl -sf -D - --http2 "${curl_args[@]}" "$server/v2/_catalog" -H "authorization: Bearer $token"
says 'it is HTTP/2' '^HTTP/2 200'
refuse 'curl with plain http' curl -sS --fail-with-body -m 5 --resolve "$registry:[::1]" "http://$registry/"
says 'it is told what to write' 'write https://'

certs=$ENGINE_ROOT/certs.d/$registry
docker_login() { docker login --username alice --password-stdin "$registry" <<<'correct horse battery'; }
refuse 'docker without the authority' docker_login
says 'it says why' 'x509|certificate'
mkdir -p "$certs"
cp "$work/own.pem" "$certs/ca.crt"
check 'docker login with the authority' docker_login
build_image docker "$registry/alice/app:v1"
check 'docker push' docker push "$registry/alice/app:v1"
check 'docker rmi' docker rmi "$registry/alice/app:v1"
check 'docker pull' docker pull "$registry/alice/app:v1"
check 'skopeo copies it with the same authority' named skopeo copy --src-creds 'alice:correct horse battery' \
  "docker://$registry/alice/app:v1" "oci:$work/copy:v1"

serial() {
  openssl s_client -connect "[::1]:$port" -servername images.example </dev/null 2>/dev/null |
    openssl x509 -noout -serial
}
# Pushes small blobs, each over a connection of its own, until the file is there; a line for each that failed.
push_until() { # file, file for failures
  local n=0 blob=$work/blob-$BASHPID digest
  while [ ! -e "$1" ]; do
    head -c 100000 /dev/urandom >"$blob"
    digest=$(sha256sum "$blob" | cut -d' ' -f1)
    curl -s -m 60 -o /dev/null -w '%{http_code}\n' "${curl_args[@]}" -H "authorization: Bearer $token" -X POST \
      --data-binary "@$blob" "$server/v2/alice/app/blobs/uploads/?digest=sha256:$digest" | grep -v '^201$' >>"$2"
    n=$((n + 1))
  done
  echo "$n" >>"$1.counts"
}
before=$(serial)
for _ in 1 2 3 4; do push_until "$work/stop" "$work/failures" & done
certificate own second -days 2
cp "$work/second.key" "$work/key.pem"
cp "$work/second.pem" "$work/cert.pem"
after=$before
for _ in $(seq 1 60); do
  after=$(serial)
  [ "$after" = "$before" ] || break
  sleep 0.5
done
touch "$work/stop"
for _ in $(seq 1 100); do
  [ "$(wc -l 2>/dev/null <"$work/stop.counts")" = 4 ] && break
  sleep 0.2
done
equal 'a new certificate is shown without a restart' "$(openssl x509 -noout -serial -in "$work/second.pem")" "$after"
pushed=$(awk '{n += $1} END {print n}' "$work/stop.counts")
if [ "${pushed:-0}" -gt 20 ] && [ ! -s "$work/failures" ]; then ok "none of $pushed pushes meanwhile failed"
else fail 'pushes go on while the certificate is replaced' "$pushed pushes; $(sort "$work/failures" | uniq -c)"; fi
stop_server
rm -rf "$certs"

# --- behind the proxies of the documentation ------------------------------------------------------

snippet() { # language: prints that block of docs/operations.md, for the names and ports here
  sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/{/^\`\`\`/d;p}" "$top/docs/operations.md" |
    sed -e "s|127.0.0.1:3000|127.0.0.1:$port|" -e "s|listen 443|listen 127.0.0.1:$front|" \
      -e "s|^images.example.org {|https://127.0.0.1:$front {\n    tls $work/site.pem $work/site.key|" \
      -e "s|/etc/ssl/images|$work/site|"
}

run_nginx() {
  { printf 'pid %s/nginx.pid;\nerror_log %s/nginx.log;\nevents {}\nhttp {\naccess_log off;\n' "$work" "$work"
    for kind in client_body proxy fastcgi uwsgi scgi; do printf '%s_temp_path %s/%s;\n' "$kind" "$work" "$kind"; done
    snippet nginx
    echo '}'; } >"$work/nginx.conf"
  nginx -e "$work/nginx.log" -c "$work/nginx.conf" -g 'daemon off;' >>"$work/nginx.log" 2>&1 &
}
run_caddy() {
  { printf '{\n    admin off\n    auto_https disable_redirects\n    skip_install_trust\n}\n'; snippet caddy; } >"$work/Caddyfile"
  XDG_CONFIG_HOME=$work XDG_DATA_HOME=$work caddy run --config "$work/Caddyfile" --adapter caddyfile >"$work/caddy.log" 2>&1 &
}

behind() { # nginx or caddy
  local proxy=$1 proxy_pid there=$work/$1-copy.tar try
  listen_on=127.0.0.1
  front=$(free_port)
  server_args=(--public-url "https://127.0.0.1:$front" --trusted-proxies 127.0.0.1/32)
  curl_args=()
  start_server
  "run_$proxy"
  proxy_pid=$!
  registry=127.0.0.1:$front
  server=https://$registry
  curl_args=(--cacert "$work/own.pem")
  for _ in $(seq 1 100); do
    curl -sf -m 2 "${curl_args[@]}" -o /dev/null "$server/healthz" && break
    sleep 0.1
  done
  sign_up alice 'correct horse battery'

  token=$(new_token alice 'correct horse battery')
  http PUT '/api/v1/images/alice/big:v1' -H "authorization: Bearer $token" -T "$work/image.tar"
  answered "a tarball goes in through $proxy" 201
  check "mydocker pulls it through $proxy" env MYDOCKER_TOKEN="$token" "$programs/mydocker" --server "$server" \
    --cacert "$work/own.pem" pull alice/big:v1 --output "$work/$proxy.tar"
  check "skopeo pulls it through $proxy" skopeo copy --src-cert-dir "$work/trusted" \
    --src-creds 'alice:correct horse battery' "docker://$registry/alice/big:v1" "docker-archive:$there:x/big:v1"
  check "skopeo pushes it through $proxy" skopeo copy --dest-cert-dir "$work/trusted" \
    --dest-creds 'alice:correct horse battery' "docker-archive:$there:x/big:v1" "docker://$registry/alice/again:v1"
  equal 'it is the same image' "$(registry_config alice/big v1)" "$(registry_config alice/again v1)"
  check 'clients are sent to the public address for a token' curl -sI "${curl_args[@]}" "$server/v2/"
  says 'it is that of the proxy' "realm=\"$server/token\""

  # From an address that is no proxy's.
  for try in $(seq 1 21); do
    http GET /api/v1/user -u "alice:wrong $try" -H "X-Forwarded-For: 203.0.113.$try" --interface 127.0.0.2
  done
  answered "tries with made-up addresses are limited behind $proxy" 429
  kill "$proxy_pid" 2>/dev/null
  wait "$proxy_pid" 2>/dev/null
  rm -f "$there"
  server=http://127.0.0.1:$port
  stop_server
}

mkdir -p "$work/trusted"
cp "$work/own.pem" "$work/trusted/ca.crt"
# One layer of 100 MiB: a limit or a buffer of the proxy's would show.
python3 "$here/make_image.py" tarball "$work/image.tar" --mib 100 --name alice/big:v1 >/dev/null
behind nginx
behind caddy
