#![no_main]

libfuzzer_sys::fuzz_target!(|input: (Option<&str>, &[u8])| dockyard_fuzz::manifest::run(input));
