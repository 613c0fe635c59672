#![no_main]

libfuzzer_sys::fuzz_target!(|input: (dockyard_fuzz::import::Input, bool)| {
    dockyard_fuzz::import::run(input)
});
