#!/usr/bin/env bash
# mydocker at a terminal, as a person sees it: questions, bars that move, Ctrl-C, advice.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

start_server
# A slow line, so that there is something to see.
: >"$work/proxy"
python3 "$here/cutting_proxy.py" "$port" --rate 8000000 >"$work/proxy" &
proxy=$!
started "$work/proxy"
export PATH=$programs:$PATH MYDOCKER_SERVER=http://127.0.0.1:$line TMUX_TMPDIR=$work XDG_CACHE_HOME=$work/cache
unset MYDOCKER_TOKEN MYDOCKER_CONFIG TMUX
screen() { tmux -u -L mydocker "$@"; }
end_all() {
  local status=$?
  screen kill-server 2>/dev/null
  kill "$proxy"
  (exit $status)
  finish
}
trap end_all EXIT
# A prompt that nothing else looks like, with the exit code of the command before.
PS1='[$?]> ' screen -f /dev/null new-session -d -x 100 -y 40 -c "$work" bash --norc --noprofile

enter() { screen send-keys -l "$1" && screen send-keys Enter; }
look() { screen capture-pane -p | grep . >"$output"; } # without empty lines and spaces at the end
sees() { # what, regular expression: waits until it is on the screen, 20 seconds at most
  for _ in $(seq 1 200); do
    look
    grep -qE -- "$2" "$output" && ok "$1" && return
    sleep 0.1
  done
  echo "(expected: $2)" >>"$output"
  fail "$1" "$output"
}
clear_screen() { screen send-keys C-l && sleep 0.3; }
percent() { look && grep -oE '[0-9]+ %' "$output" | tail -n 1 | tr -d ' %'; }

sees 'a prompt' '^\[0\]>$'
enter 'mydocker signup --username alice'
sees 'a password is asked for' '^Password.*:$'
enter 'correct horse battery'
sees 'and once more' '(again|Again|Repeat|once more).*:$'
enter 'correct horse battery'
sees 'the account is there' '^\[0\]>$'
sees 'it says so' 'alice'
if grep -q 'correct horse' "$output"; then fail 'no password is on the screen' "$output"; else ok 'no password is on the screen'; fi

python3 "$here/make_image.py" tarball "$work/image.tar" --mib 30 --layers 3 --name alice/app:v1 >/dev/null

clear_screen
enter "mydocker push --file image.tar alice/app:v1"
sees 'a push has a bar' ' [0-9]+ %  [0-9.]+ .?i?B/31\.[0-9]+ MiB '
sees 'that says what it is of' '^Pushing alice/app:v1 to http://'
sees 'and a bar for the layer on its way' '^  [0-9a-f]{12} .*30\.[0-9]+ MiB'
first=$(percent)
sleep 1.5
second=$(percent)
if [ "${second:-0}" -gt "${first:-100}" ]; then ok "it moves ($first % to $second %)"; else fail 'it moves' "$first % to $second %"; fi
sees 'time left is told' '[0-9]+s'
sees 'it ends' '^\[0\]>$'
sees 'with the layers' '^  [0-9a-f]{12} +30\.[0-9]+ MiB  sent$'
sees 'with the sum' '^Sent 3[0-9.]+ MiB in '
sees 'with the digest' '^Pushed alice/app:v1 sha256:[0-9a-f]{64}'
if grep -qE '[0-9]+ %' "$output"; then fail 'no bar is left' "$output"; else ok 'no bar is left'; fi

clear_screen
enter "mydocker pull alice/app:v1 --output out.tar"
sees 'a pull has a bar' ' [1-9][0-9] %  '
screen send-keys C-c
sees 'Ctrl-C ends it' '^\[1\]>$'
sees 'and says what that means' '^mydocker: interrupted: run it again'
look
if grep -qE '[█░]' "$output"; then fail 'with no bar left' "$output"; else ok 'with no bar left'; fi
enter "mydocker pull alice/app:v1 --output out.tar"
sees 'the next one goes on' '^Going on after [0-9.]+ MiB, received before$'
sees 'to its end' '^Pulled alice/app:v1 sha256:[0-9a-f]{64}'

clear_screen
enter 'mydocker delete alice/app:v1'
sees 'deleting asks first' '\? .*$'
enter 'n'
sees 'no means no' '^\[1\]>$'
clear_screen
enter 'mydocker pusj alice/app:v1'
sees 'a wrong word has a tip' "'push'"
sees 'and is wrong usage' '^\[2\]>$'
clear_screen
enter 'mydocker tags alice/app'
sees 'the tag is still there' '^ *v1 '

# A narrow terminal: a bar never takes a second line.
screen resize-window -x 60 -y 40
clear_screen
enter "mydocker pull alice/app:v1 --output /dev/null"
sees 'a narrow bar' '[1-9][0-9] %'
sleep 1
look
equal 'stays on one line' 1 "$(grep -cE '[0-9] %' "$output")"
screen send-keys C-c
