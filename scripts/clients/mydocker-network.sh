#!/usr/bin/env bash
# mydocker over networks that cut, through TLS and proxies, and against what is no Dockyard.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

start_server
port=${server##*:}
sign_up alice 'correct horse battery'
MYDOCKER_TOKEN=$(new_token alice 'correct horse battery')
export MYDOCKER_TOKEN PATH=$programs:$PATH
unset MYDOCKER_SERVER MYDOCKER_CONFIG http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY no_proxy NO_PROXY

# What it says, word for word, with exit code 1.
tells() { # what, message, command...
  local what=$1 message=$2 got=0
  shift 2
  attempt "$@" || got=$?
  equal "$what" "1 mydocker: $message" "$got $(tail -n 1 "$output")"
}
at() { local where=$1; shift; mydocker --server "$where" "$@"; }

# --- a network that cuts

cutting() { # arguments...: starts a proxy that cuts, and sets $through and $proxy
  : >"$work/proxy"
  python3 "$here/cutting_proxy.py" "$port" "$@" >"$work/proxy" &
  proxy=$!
  started "$work/proxy"
  through=http://127.0.0.1:$line
}
python3 "$here/make_image.py" tarball "$work/image.tar" --mib 40 --name alice/app:v1 >/dev/null
cutting --cut 6000000
check 'push, cut after every 6 MB' at "$through" push --file "$work/image.tar" alice/app:v1
says 'it tells of each layer' '^  [0-9a-f]{12} +40\.[0-9]+ MiB  sent$'
says 'and of all' '^Sent 4[0-9.]+ MiB in '
check 'pull, cut as often' at "$through" pull alice/app:v1 --output "$work/cut.tar"
says 'it tells of each layer' '^  [0-9a-f]{12} +40\.[0-9]+ MiB  verified$'
kill "$proxy"
check 'pull in one go' at "$server" pull alice/app:v1 --output "$work/whole.tar"
check 'it is the same file' cmp "$work/whole.tar" "$work/cut.tar"

cutting --cut 100000000 --last 15000000
refuse 'pull from a network that goes away' at "$through" pull alice/app:v1 --output "$work/twice.tar"
says 'what came is kept' '; what came so far is kept for that$'
refuse 'there is no half file' test -e "$work/twice.tar"
wait "$proxy"
cutting --cut 100000000 --port "${through##*:}"
check 'pull once more' at "$through" pull alice/app:v1 --output "$work/twice.tar"
says 'it goes on where it was' '^Going on after 1[0-9.]+ MiB, received before$'
check 'it is the same file' cmp "$work/whole.tar" "$work/twice.tar"
equal 'nothing else is left' 'cut.tar image.tar twice.tar whole.tar' "$(cd "$work" && echo *.tar*)"
kill "$proxy"

python3 "$here/make_image.py" tarball "$work/lost.tar" --mib 40 --name alice/app:lost >/dev/null
cutting --cut 100000000 --last 15000000
refuse 'push into a network that goes away' at "$through" push --file "$work/lost.tar" alice/app:lost
wait "$proxy"
refuse 'nothing of it is there' at "$server" pull alice/app:lost --output "$work/none.tar"

# --- a server that is restarted in the middle

python3 "$here/make_image.py" tarball "$work/long.tar" --mib 40 --name alice/app:long >/dev/null
cutting --rate 10000000
at "$through" push --file "$work/long.tar" alice/app:long >"$work/long" 2>&1 &
pushing=$!
sleep 1.5
stop_server KILL
launch_server
wait "$pushing"
equal 'a push survives that' 0 $?
cp "$work/long" "$output"
says 'it says so' "^$through was restarted: sending what it does not have yet$"
check 'the image is there' at "$server" pull alice/app:long --output "$work/long-out.tar"
rm "$work/long-out.tar" "$work/long.tar"
kill "$proxy"

# --- TLS

front() { # certificate: sets $tls, $https_front and $front
  : >"$work/front"
  python3 "$here/tls_front.py" "$port" "$work/$1.pem" "$work/$1.key" >"$work/front" 2>"$work/asked" &
  front=$!
  started "$work/front"
  tls=https://127.0.0.1:${line% *}
  https_front=http://127.0.0.1:${line#* }
}
authority own
authority other
certificate own server -days 2
certificate own old -days -1
front server
check 'TLS with a CA of its own' at "$tls" --cacert "$work/own.pem" pull alice/app:v1 --output "$work/tls.tar"
check 'it is the same file' cmp "$work/whole.tar" "$work/tls.tar"
check 'a push through TLS' at "$tls" --ca-file "$work/own.pem" push --file "$work/image.tar" alice/app:v2
check 'through a proxy, to a name that only the proxy knows' \
  env HTTPS_PROXY="$https_front" mydocker --server https://images.example --cacert "$work/own.pem" pull alice/app:v1 --output "$work/proxied.tar"
check 'it is the same file' cmp "$work/whole.tar" "$work/proxied.tar"
equal 'the proxy was asked' 'CONNECT images.example:443' "$(sort -u "$work/asked")"
tells 'without the CA' "the TLS certificate of $tls is not trusted (UnknownIssuer): if it comes from a CA of your own, name that CA with --ca-file FILE" \
  at "$tls" search app
tells 'with another CA' "the TLS certificate of $tls is not trusted (UnknownIssuer): if it comes from a CA of your own, name that CA with --ca-file FILE" \
  at "$tls" --cacert "$work/other.pem" search app
tells 'plain HTTP to a TLS port' "http://${tls#https://} hangs up without an answer: if it speaks TLS, use https:// in the address" \
  at "http://${tls#https://}" search app
tells 'TLS to a plain port' "https://${server#http://} does not speak TLS as expected: if it is a plain server, use http:// in the address" \
  at "https://${server#http://}" search app
tells 'a CA file that is not there' "can't read the CA file $work/none.pem: No such file or directory (os error 2)" \
  at "$tls" --cacert "$work/none.pem" search app
tells 'a CA file that is none' "$work/image.tar holds no PEM certificate: name the CA's certificate file" \
  at "$tls" --cacert "$work/image.tar" search app
kill "$front"
front old
tells 'a certificate of yesterday' "the TLS certificate of $tls has expired, or the clock of this machine is wrong: it says $(date -u +%Y-%m-%d)" \
  at "$tls" --cacert "$work/own.pem" search app
kill "$front"

# --- what is no Dockyard

tells 'nobody there' "nothing listens at http://127.0.0.1:1: start the server with \`dockyard serve\`, or name another one with --server URL" \
  at http://127.0.0.1:1 search app
tells 'a host that does not exist' "there is no host named nowhere.invalid: check the address, or name another server with --server URL" \
  at http://nowhere.invalid search app
mkdir "$work/pages"
: >"$work/other-server"
(cd "$work/pages" && exec python3 -u -c '
import http.server
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
print(server.server_port, flush=True)
server.serve_forever()') >"$work/other-server" 2>/dev/null &
other=$!
started "$work/other-server"
tells 'another server' "http://127.0.0.1:$line is not a Dockyard: check the address, or name another server with --server URL" \
  at "http://127.0.0.1:$line" search app
kill "$other"
