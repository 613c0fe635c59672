#![no_main]

libfuzzer_sys::fuzz_target!(
    |input: dockyard_fuzz::request::Input| dockyard_fuzz::request::run(input)
);
