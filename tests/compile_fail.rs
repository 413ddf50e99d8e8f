//! What must not compile: forged permits, copies of them, and forwarding what was not recorded.

#[test]
fn nobody_can_forge_a_permit() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/compile_fail/*.rs");
}
