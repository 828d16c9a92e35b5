#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| conformance::fuzzed::lambda_event(data));
