#![no_main]

libfuzzer_sys::fuzz_target!(|input: (u64, &str)| dockyard_fuzz::range::run(input));
