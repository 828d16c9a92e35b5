#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| conformance::fuzzed::guard_token(data));
