//! Whatever is asked of the use cases, in whatever order: the domain's invariants hold after every step.

#[test]
fn invariants_hold_after_every_step() {
    rekindle_testkit::model::invariants_hold(96);
}
