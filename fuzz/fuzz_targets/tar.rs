#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dockyard_fuzz::tar::run(input));
