//! The domain's invariants hold after every step of random sequences of use cases.

#[test]
fn invariants_hold_after_every_step() {
    rekindle_testkit::model::invariants_hold(96);
}
