//! Settings from flags, the environment and the file.

use clap::Parser;

use super::*;

#[test]
fn flags_win_over_the_file_and_the_file_over_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dockyard.toml");
    std::fs::write(
        &file,
        "listen = \"127.0.0.1:1\"\npublic_url = \"https://x/\"\n",
    )
    .unwrap();
    let data = |file: &Path| DataArgs {
        config: Some(file.to_owned()),
        ..DataArgs::default()
    };
    let args = ServeArgs {
        data: data(&file),
        ..ServeArgs::default()
    };
    let settings = Settings::resolve(args).unwrap();
    assert_eq!(settings.listen.port(), 1);
    assert_eq!(settings.public_urls, ["https://x"]);
    assert_eq!(settings.data.data_dir, Path::new("data"));

    let listen = Some(([127, 0, 0, 1], 2).into());
    let args = ServeArgs {
        data: data(&file),
        listen,
        ..ServeArgs::default()
    };
    assert_eq!(Settings::resolve(args).unwrap().listen.port(), 2);

    std::fs::write(&file, "gc_interval = \"never\"\ngc_grace = \"2h\"\n").unwrap();
    let args = ServeArgs {
        data: data(&file),
        ..ServeArgs::default()
    };
    let settings = Settings::resolve(args).unwrap();
    assert_eq!(settings.gc_interval, None);
    assert_eq!(settings.collector.grace_ms, 7_200_000);

    let several = "public_url = [\"https://x/\", \"https://y:8443\"]\n";
    std::fs::write(&file, several).unwrap();
    let args = ServeArgs {
        data: data(&file),
        ..ServeArgs::default()
    };
    let settings = Settings::resolve(args).unwrap();
    assert_eq!(settings.public_urls, ["https://x", "https://y:8443"]);
    for wrong in ["x", "ftp://x", "https://x\", \"http://y"] {
        std::fs::write(&file, format!("public_url = [\"{wrong}\"]\n")).unwrap();
        let args = ServeArgs {
            data: data(&file),
            ..ServeArgs::default()
        };
        assert!(Settings::resolve(args).is_err(), "{wrong}");
    }

    std::fs::write(&file, "lisen = 1\n").unwrap();
    let args = ServeArgs {
        data: data(&file),
        ..ServeArgs::default()
    };
    assert!(Settings::resolve(args).is_err());
}

#[test]
fn every_setting_is_in_the_example() {
    use clap::CommandFactory;
    let example = include_str!("../../../.env.example");
    let mut command = Cli::command();
    let serve = command.find_subcommand_mut("serve").unwrap();
    let shown = serve.get_arguments().filter(|arg| !arg.is_hide_set());
    let settings: Vec<_> = shown.filter_map(clap::Arg::get_env).collect();
    assert!(settings.len() > 15);
    for setting in settings {
        let line = format!("\n#{}=", setting.to_str().unwrap());
        assert!(
            example.contains(&line),
            "{setting:?} is not in .env.example"
        );
    }
}

#[cfg(debug_assertions)]
#[test]
fn a_time_shift_may_begin_with_a_dash() {
    let command = ["dockyard", "serve", "--time-shift", "-2h"];
    let Command::Serve(args) = Cli::try_parse_from(command).unwrap().command else {
        panic!("not a serve command");
    };
    assert_eq!(args.time_shift, Some(TimeShift(-7_200_000)));
}
