//! Quality of the order of results: queries that people type, over a catalogue of 10,000 repositories with names as they
//! are in the world, each result judged by how much of what was typed its name is.

use std::collections::HashMap;

use dockyard_oci::{RepositoryName, Visibility};

use super::index::SearchIndex;
use super::query::{self, Reading};
use super::typed::Typed;
use super::{SearchRequest, distance, look};
use crate::Id;
use crate::accounts::Caller;
use crate::images::Repository;

const REPOSITORIES: usize = 10_000;
/// Results that are judged, as the first page shows them.
const SHOWN: usize = 10;
/// The least that the mean over all queries must be.
const FLOOR: f64 = 0.95;

const PROGRAMS: [&str; 60] = [
    "nginx",
    "postgres",
    "redis",
    "mysql",
    "mariadb",
    "mongo",
    "node",
    "python",
    "golang",
    "rust",
    "openjdk",
    "tomcat",
    "httpd",
    "traefik",
    "caddy",
    "haproxy",
    "envoy",
    "grafana",
    "prometheus",
    "loki",
    "tempo",
    "jaeger",
    "kibana",
    "elasticsearch",
    "logstash",
    "fluentd",
    "vector",
    "kafka",
    "zookeeper",
    "rabbitmq",
    "nats",
    "etcd",
    "consul",
    "vault",
    "nomad",
    "terraform",
    "ansible",
    "jenkins",
    "gitea",
    "gitlab",
    "drone",
    "sonarqube",
    "nextcloud",
    "wordpress",
    "ghost",
    "drupal",
    "keycloak",
    "minio",
    "registry",
    "docker",
    "alpine",
    "debian",
    "ubuntu",
    "fedora",
    "busybox",
    "memcached",
    "influxdb",
    "telegraf",
    "airflow",
    "superset",
];
const ENDS: [&str; 16] = [
    "proxy", "exporter", "operator", "client", "server", "backup", "ui", "admin", "slim", "dev",
    "demo", "tools", "agent", "init", "migrate", "cluster",
];
const STARTS: [&str; 6] = ["my", "custom", "company", "base", "test", "mini"];

/// Grades a result: 3 for the repository that was meant, 2 and 1 for the next best.
type Judge = fn(&Typed, &str) -> u32;

/// Queries of one kind, each with what was meant.
type Group = (&'static str, Vec<(&'static str, &'static str)>, Judge);

fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn has_words(typed: &Typed, name: &str) -> bool {
    let own = query::words(name);
    query::words(&typed.name)
        .iter()
        .all(|word| own.contains(word))
}

/// A name, or the beginning of one.
fn by_name(typed: &Typed, name: &str) -> u32 {
    let joined = query::words(&typed.name).join("-");
    match last(name) {
        last if last == joined => 3,
        last if last.starts_with(&joined) => 2,
        _ => u32::from(has_words(typed, name)),
    }
}

/// One repository, by its whole name.
fn by_whole_name(typed: &Typed, name: &str) -> u32 {
    if name == typed.name { 3 } else { 0 }
}

const EXACT: [&str; 32] = [
    "nginx",
    "postgres",
    "redis",
    "mysql",
    "mongo",
    "node",
    "python",
    "golang",
    "rust",
    "tomcat",
    "traefik",
    "caddy",
    "grafana",
    "prometheus",
    "loki",
    "kafka",
    "rabbitmq",
    "nats",
    "etcd",
    "consul",
    "vault",
    "jenkins",
    "gitea",
    "wordpress",
    "ghost",
    "keycloak",
    "minio",
    "registry",
    "docker",
    "alpine",
    "debian",
    "ubuntu",
];
const ENDED: [&str; 14] = [
    "nginx-proxy",
    "redis exporter",
    "postgres operator",
    "kafka-cluster",
    "mysql backup",
    "grafana agent",
    "vault init",
    "docker tools",
    "registry-ui",
    "minio client",
    "etcd cluster",
    "gitea admin",
    "node slim",
    "python dev",
];
const BEGUN: [&str; 12] = [
    "ngin", "postg", "prom", "elastic", "rabbit", "key", "jenk", "tele", "mem", "terra", "influx",
    "tra",
];
const WHOLE: [&str; 10] = [
    "official/nginx",
    "official/redis:7",
    "hub.example.org/official/postgres:16",
    "127.0.0.1:3000/official/node",
    "docker pull hub.example.org/official/kafka:3.7",
    "podman run -it official/python bash",
    "OFFICIAL/Grafana",
    "https://hub.example.org/r/official/vault/-/tags/1",
    "official/registry@sha256:0000",
    "localhost:5000/official/caddy:2",
];
/// Pairs of a query and the name that was meant.
const WRONG: [(&str, &str); 14] = [
    ("ngnix", "nginx"),
    ("postgers", "postgres"),
    ("rediz", "redis"),
    ("pyhton", "python"),
    ("grafanna", "grafana"),
    ("promethues", "prometheus"),
    ("elasticsaerch", "elasticsearch"),
    ("rabitmq", "rabbitmq"),
    ("jenkinz", "jenkins"),
    ("wordpres", "wordpress"),
    ("keyclaok", "keycloak"),
    ("memcachd", "memcached"),
    ("zookeper", "zookeeper"),
    ("terafform", "terraform"),
];

/// A catalogue that is the same each time.
fn catalogue() -> Vec<Repository> {
    let owner = Id::new();
    let mut state = 7_u64;
    let mut dice = |most: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or_default() % most
    };
    let mut names = Vec::with_capacity(REPOSITORIES);
    names.extend(PROGRAMS.iter().map(|program| format!("official/{program}")));
    while names.len() < REPOSITORIES {
        let (program, user) = (PROGRAMS[dice(PROGRAMS.len())], dice(900));
        let name = match dice(10) {
            0 | 1 => program.to_owned(),
            2..=5 => format!("{program}-{}", ENDS[dice(ENDS.len())]),
            6 => format!("{}-{program}", STARTS[dice(STARTS.len())]),
            7 => format!("{program}-{}-{}", ENDS[dice(ENDS.len())], dice(30)),
            8 => format!("{}-{}", PROGRAMS[dice(PROGRAMS.len())], program),
            _ => format!("app-{}", dice(5000)),
        };
        names.push(format!("u{user}/{name}"));
    }
    names.sort();
    names.dedup();
    let made = names.into_iter().map(|name| {
        let name: RepositoryName = name.parse().expect("a name");
        let mut repository = Repository::new(name, owner, Visibility::Public, 0);
        let (first, second) = (
            PROGRAMS[dice(PROGRAMS.len())],
            PROGRAMS[dice(PROGRAMS.len())],
        );
        repository.description = match dice(3) {
            0 => String::new(),
            1 => format!("Works with {first}, {first} and {second}"),
            _ => format!("Image of {first}"),
        };
        repository.readme = format!(
            "# About\n\n{}",
            format!("{first} {second} ").repeat(dice(20))
        );
        repository.stars = dice(300) as u64;
        repository.pulls = dice(200_000) as u64;
        repository
    });
    made.collect()
}

/// Discounted gain of judged results. Source: Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques".
fn gain(grades: impl Iterator<Item = u32>) -> f64 {
    let gains = grades.take(SHOWN).zip(2_u32..);
    gains
        .map(|(grade, place)| (f64::from(1 << grade) - 1.0) / f64::from(place).log2())
        .sum()
}

struct Catalogue {
    index: SearchIndex,
    names: HashMap<Id, RepositoryName>,
    _folder: tempfile::TempDir,
}

impl Catalogue {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let index = SearchIndex::open(folder.path()).expect("an index");
        let mut writer = index.writer().expect("a writer");
        let repositories = catalogue();
        for repository in &repositories {
            index
                .put(&writer, repository.id, Some(repository))
                .expect("it is put");
        }
        index.commit(&mut writer, Some(1)).expect("it is committed");
        let names = repositories
            .into_iter()
            .map(|one| (one.id, one.name))
            .collect();
        Self {
            index,
            names,
            _folder: folder,
        }
    }

    /// The names on the first page, as the search itself finds them.
    fn first_page(&self, typed: &Typed) -> Vec<&RepositoryName> {
        let words = query::words(&typed.name);
        let request = SearchRequest {
            limit: u32::try_from(SHOWN).unwrap_or_default(),
            ..SearchRequest::default()
        };
        let ask = |reading| {
            let typed = (&*typed.name, &*words);
            look(&self.index, &Caller::anonymous(), typed, &request, reading).expect("it is found")
        };
        let mut found = ask(Reading::Typed);
        if found.is_nothing() {
            found = ask(Reading::Mistaken);
        }
        let mut names: Vec<_> = found.ids.iter().map(|id| &self.names[id]).collect();
        if found.is_near {
            names.sort_by_cached_key(|name| distance(&typed.name, name));
        }
        names
    }

    fn score(&self, text: &str, meant: &str, judge: Judge) -> f64 {
        let meant = Typed::read(meant);
        let found = self.first_page(&Typed::read(text));
        let found = gain(found.iter().map(|name| judge(&meant, name.as_str())));
        let mut best: Vec<u32> = self
            .names
            .values()
            .map(|name| judge(&meant, name.as_str()))
            .collect();
        best.sort_unstable_by(|a, b| b.cmp(a));
        found / gain(best.into_iter())
    }
}

#[test]
fn what_was_meant_comes_first() {
    let catalogue = Catalogue::open();
    let same = |text: &'static str| (text, text);
    let groups: [Group; 5] = [
        ("names", EXACT.map(same).to_vec(), by_name),
        ("longer names", ENDED.map(same).to_vec(), by_name),
        ("beginnings", BEGUN.map(same).to_vec(), by_name),
        ("whole names", WHOLE.map(same).to_vec(), by_whole_name),
        ("wrong letters", WRONG.to_vec(), by_name),
    ];
    let (mut sum, mut count) = (0.0, 0_u32);
    for (group, queries, judge) in groups {
        let mut of_group = 0.0;
        for (text, meant) in &queries {
            let score = catalogue.score(text, meant, judge);
            if score < FLOOR {
                println!("{text:40} {score:.3}");
            }
            of_group += score;
        }
        let queries = u32::try_from(queries.len()).unwrap_or_default();
        println!(
            "{group:20} {:.4} over {queries} queries",
            of_group / f64::from(queries)
        );
        sum += of_group;
        count += queries;
    }
    let mean = sum / f64::from(count);
    println!("nDCG@{SHOWN} {mean:.4} over {count} queries");
    assert!(count >= 80 && mean >= FLOOR, "{mean}");
}
