//! What the help of each command ends with.

pub const ALL: &str = "\
Examples:
  mydocker signup --username alice
  mydocker create app --description \"The shop's backend\"
  mydocker describe alice/app --readme README.md
  mydocker push alice/app:v1
  mydocker push --file image.tar alice/app:v1
  mydocker pull alice/app:v1
  mydocker pull alice/app:v1 --output app.tar --platform linux/arm64
  mydocker search web server
  mydocker --server https://images.example.com login

Environment:
  MYDOCKER_SERVER   the server, as --server
  MYDOCKER_CA_FILE  a CA to trust, as --ca-file
  MYDOCKER_TOKEN    a personal token, instead of `mydocker login`
  MYDOCKER_CONFIG   where the login is kept, instead of ~/.mydocker.json
  DOCKER_HOST       the engine to push from and pull into: unix:///path or tcp://host:port, this with TLS
                    by DOCKER_TLS_VERIFY and DOCKER_CERT_PATH; else docker's context (DOCKER_CONTEXT) names it

Exit codes: 0 done, 1 failed, 2 wrong usage.";

pub const SIGNUP: &str = "\
Examples:
  mydocker signup --username alice
  mydocker --server https://images.example.com signup";

pub const LOGIN: &str = "\
Examples:
  mydocker login
  mydocker login --username alice --password-stdin < password.txt
  mydocker login --docker                          docker push and docker pull work too
  mydocker --server https://images.example.com login";

pub const CREATE: &str = "\
Examples:
  mydocker create app
  mydocker create app --private --description \"The shop's backend\"
  mydocker create alice/tools/app";

pub const DESCRIBE: &str = "\
Examples:
  mydocker describe alice/app --description \"The shop's backend\"
  mydocker describe alice/app --readme README.md
  mydocker describe alice/app                     prints what is there";

pub const REPOS: &str = "\
Examples:
  mydocker repos
  mydocker repos --quiet                          names alone, for scripts
  mydocker repos --json | jq '.[].name'";

pub const VISIBILITY: &str = "\
Examples:
  mydocker visibility alice/app private
  mydocker visibility alice/app public";

pub const DELETE: &str = "\
Examples:
  mydocker delete alice/app:v1                    one tag
  mydocker delete alice/app                       the repository and all of its tags
  mydocker delete --yes alice/app:nightly";

pub const TOKEN: &str = "\
Examples:
  mydocker token create ci --reach write --days 90
  MYDOCKER_TOKEN=$(mydocker token create ci --quiet)";

pub const COMPLETIONS: &str = "\
Examples:
  mydocker completions bash > ~/.local/share/bash-completion/completions/mydocker
  mydocker completions zsh > ~/.zfunc/_mydocker
  mydocker completions fish > ~/.config/fish/completions/mydocker.fish";

pub const MAN: &str = "\
Examples:
  mydocker man | man -l -
  mydocker man ~/.local/share/man/man1";

pub const SEARCH: &str = "\
Examples:
  mydocker search web server
  mydocker search backend --limit 5";

pub const TAGS: &str = "\
Examples:
  mydocker tags alice/app";

pub const PUSH: &str = "\
Examples:
  docker build -t alice/app:v1 . && mydocker push alice/app:v1
  mydocker push --file image.tar alice/app:v1
  docker save alice/app:v1 | gzip | mydocker push --file - alice/app:v1
  mydocker push --file all-tags.tar alice/app     every tag of alice/app in the tarball
  mydocker push --file two.tar --image nginx:1.2 alice/web:v1
  mydocker push --file two.tar --into alice       alice/nginx:1.2, alice/redis:7, as the tarball names them";

pub const PULL: &str = "\
Examples:
  mydocker pull alice/app:v1 && docker run alice/app:v1
  mydocker pull alice/app:v1 --output app.tar
  mydocker pull alice/app:v1 --output - | podman load
  mydocker pull alice/app:v1 --platform linux/arm64
  mydocker pull alice/app:v1 --platform all --output app.tar    every machine's, as an OCI layout
  mydocker pull alice/app:v1 --compat docker20 --output app.tar  for a machine with docker 20";
