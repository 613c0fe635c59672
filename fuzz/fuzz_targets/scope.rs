#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| dockyard_fuzz::scope::run(input));
