//! The state machine step by step, and at random beside a second, naive writing of it that keeps all of history.

use std::time::Duration;

use rekindle_core::Timestamp;

use super::{Breaker, BreakerOptions, CircuitState, Health, Permit, Transition};

const SECOND: Duration = Duration::from_secs(1);
const OPTIONS: BreakerOptions = BreakerOptions {
    failures: 5,
    within: Duration::from_secs(60),
    burst_window: Duration::from_secs(2),
    open_for: Duration::from_secs(30),
};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_768_811_400_000).plus(SECOND * u32::try_from(seconds).unwrap())
}

fn fails(breaker: &mut Breaker, now: Timestamp) -> Option<Transition> {
    let pass = breaker.admit(now).expect("it is let through");
    breaker.report(pass, Health::Failing, now)
}

/// One that opened at second 0.
fn open() -> Breaker {
    let mut breaker = Breaker::new(OPTIONS);
    for failure in 1..=5 {
        let change = fails(&mut breaker, at(0));
        assert_eq!(change, (failure == 5).then_some(Transition::Opened));
    }
    breaker
}

/// One that let a call through at second 30.
fn probing() -> (Breaker, Permit) {
    let mut breaker = open();
    let probe = breaker.admit(at(30)).expect("the probe is due");
    (breaker, probe)
}

#[test]
fn five_failures_open_it_and_say_how_long_to_wait() {
    let mut breaker = open();
    assert_eq!(breaker.admit(at(0)), Err(30 * SECOND));
    assert_eq!(breaker.admit(at(29)), Err(SECOND));
    let shown = breaker.snapshot(at(29));
    assert_eq!((shown.state, shown.failures), (CircuitState::Open, 0));
    assert_eq!((shown.opened_at, shown.next_probe_at), (Some(at(0)), Some(at(30))));
}

#[test]
fn failures_older_than_the_window_do_not_count() {
    let mut breaker = Breaker::new(OPTIONS);
    for second in [0, 1, 2, 3] {
        assert_eq!(fails(&mut breaker, at(second)), None);
    }
    assert_eq!(breaker.snapshot(at(59)).failures, 4);
    assert_eq!(breaker.snapshot(at(60)).failures, 3, "a failure of a whole window ago is too old");
    assert_eq!(fails(&mut breaker, at(60)), None);
    assert_eq!(fails(&mut breaker, at(60)), Some(Transition::Opened), "the window slides");
}

#[test]
fn answers_in_between_do_not_wipe_failures_out() {
    let mut breaker = Breaker::new(OPTIONS);
    for _ in 0..4 {
        assert_eq!(fails(&mut breaker, at(0)), None);
        let pass = breaker.admit(at(0)).unwrap();
        assert_eq!(breaker.report(pass, Health::Healthy, at(0)), None);
    }
    assert_eq!(fails(&mut breaker, at(0)), Some(Transition::Opened));
}

#[test]
fn exactly_one_call_finds_out() {
    let (mut breaker, _) = probing();
    assert_eq!(breaker.snapshot(at(30)).state, CircuitState::HalfOpen);
    assert_eq!(breaker.admit(at(30)), Err(SECOND), "the answer is awaited: come back soon");
}

#[test]
fn its_success_closes_and_all_is_forgotten() {
    let (mut breaker, probe) = probing();
    assert_eq!(breaker.report(probe, Health::Healthy, at(31)), Some(Transition::Closed { opened_at: at(0) }));
    let shown = breaker.snapshot(at(31));
    assert_eq!((shown.state, shown.failures, shown.opened_at), (CircuitState::Closed, 0, None));
    assert_eq!(fails(&mut breaker, at(31)), None);
}

#[test]
fn its_failure_opens_for_as_long_again() {
    let (mut breaker, probe) = probing();
    assert_eq!(breaker.report(probe, Health::Failing, at(32)), Some(Transition::StaysOpen));
    assert_eq!(breaker.admit(at(32)), Err(30 * SECOND));
    assert_eq!(breaker.snapshot(at(32)).opened_at, Some(at(0)), "since when nothing gets through");
    assert!(breaker.admit(at(62)).is_ok(), "the next probe is due");
}

#[test]
fn a_probe_that_says_nothing_leaves_it_to_the_next_call() {
    let (mut breaker, probe) = probing();
    assert_eq!(breaker.report(probe, Health::Unknown, at(31)), None);
    assert_eq!(breaker.snapshot(at(31)).state, CircuitState::Open);
    assert!(breaker.admit(at(31)).is_ok(), "the next call finds out");
}

#[test]
fn a_probe_that_is_never_heard_of_is_given_up() {
    let (mut breaker, lost) = probing();
    assert!(breaker.admit(at(59)).is_err());
    let second = breaker.admit(at(60)).expect("another one finds out");
    assert_eq!(breaker.report(lost, Health::Healthy, at(60)), None, "it was given up");
    assert_eq!(breaker.report(second, Health::Healthy, at(61)), Some(Transition::Closed { opened_at: at(0) }));
}

#[test]
fn what_began_in_an_earlier_round_says_nothing() {
    let mut breaker = Breaker::new(OPTIONS);
    let slow: Vec<_> = (0..6).map(|_| breaker.admit(at(0)).unwrap()).collect();
    for _ in 0..5 {
        fails(&mut breaker, at(0));
    }
    assert_eq!(breaker.report(slow[0], Health::Healthy, at(1)), None, "an old answer does not close it");
    let probe = breaker.admit(at(30)).unwrap();
    breaker.report(probe, Health::Healthy, at(30));
    for old in &slow[1..] {
        assert_eq!(breaker.report(*old, Health::Failing, at(31)), None, "an old failure does not open it");
    }
    assert_eq!(breaker.snapshot(at(31)).failures, 0);
}

#[test]
fn a_clock_that_is_set_back_keeps_nobody_out() {
    let mut breaker = open();
    let earlier = at(0).minus(3600 * SECOND);
    assert!(breaker.admit(earlier).is_ok(), "nobody waits for longer than the span");
    let mut breaker = Breaker::new(OPTIONS);
    for _ in 0..4 {
        fails(&mut breaker, at(0));
    }
    assert_eq!(fails(&mut breaker, earlier), None, "failures of unknown age do not count");
}

#[test]
fn calls_that_break_together_are_one_failure() {
    let mut breaker = Breaker::new(OPTIONS);
    // A failover, several times over: fifty calls under way break at once, others come and break as they come.
    for second in [0, 1, 2, 3] {
        let under_way: Vec<_> = (0..50).map(|_| breaker.admit(at(second)).unwrap()).collect();
        for pass in under_way {
            assert_eq!(breaker.report(pass, Health::Failing, at(second)), None);
        }
    }
    assert_eq!(breaker.snapshot(at(3)).failures, 4, "one each time");
}

#[test]
fn a_connection_that_breaks_later_is_not_news_either() {
    let mut breaker = Breaker::new(OPTIONS);
    let (first, second) = (breaker.admit(at(0)).unwrap(), breaker.admit(at(1)).unwrap());
    breaker.report(first, Health::Failing, at(3));
    breaker.report(second, Health::Failing, at(9));
    assert_eq!(breaker.snapshot(at(9)).failures, 1, "it was under way when the first failed, and began a second later");
    let (third, fourth) = (breaker.admit(at(9)).unwrap(), breaker.admit(at(9)).unwrap());
    breaker.report(third, Health::Failing, at(9));
    breaker.report(fourth, Health::Failing, at(9));
    assert_eq!(breaker.snapshot(at(9)).failures, 2, "who asks after a failure finds out anew");
}

#[test]
fn under_load_a_store_that_hangs_opens_it_after_eighteen_seconds() {
    // Ten calls a second, and each gives up after ten seconds.
    let mut breaker = Breaker::new(OPTIONS);
    let tick = |n: u32| at(0).plus(Duration::from_millis(100) * n);
    let mut under_way = std::collections::VecDeque::new();
    let opened = (0..600).find(|n| {
        let now = tick(*n);
        if let Ok(pass) = breaker.admit(now) {
            under_way.push_back(pass);
        }
        let given_up = (*n >= 100).then(|| under_way.pop_front().unwrap());
        given_up.is_some_and(|pass| breaker.report(pass, Health::Failing, now) == Some(Transition::Opened))
    });
    assert_eq!(opened, Some(180));
}

#[test]
fn a_threshold_of_none_is_one() {
    let mut breaker = Breaker::new(BreakerOptions { failures: 0, ..OPTIONS });
    assert_eq!(fails(&mut breaker, at(0)), Some(Transition::Opened));
}

/// The breaker as one would tell it to a child: everything that ever happened is kept, and looked through each time.
#[derive(Default)]
struct Naive {
    /// What happened, with the time in seconds.
    history: Vec<(u64, Happened)>,
    /// The calls that may still report.
    valid: Vec<Call>,
}

#[derive(Clone, Copy)]
struct Call {
    number: usize,
    began: u64,
    /// How much had happened when it began.
    after: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Happened {
    /// A call that began then.
    Failed(u64),
    Opened,
    Probed,
    Undecided,
    Closed,
}

impl Naive {
    /// Opened, Probed, Undecided or Closed, whichever was last, and when.
    fn last(&self) -> (u64, Happened) {
        let turns = self.history.iter().rev().find(|(_, what)| !matches!(what, Happened::Failed(_)));
        turns.copied().unwrap_or((0, Happened::Closed))
    }

    fn failures(&self, now: u64) -> usize {
        let this_round = self.history.iter().rev().take_while(|(_, what)| matches!(what, Happened::Failed(_)));
        this_round.filter(|(when, _)| now - when < 60).count()
    }

    /// Whether the failure of a call says more than what is known already.
    fn is_news(&self, now: u64, call: Call) -> bool {
        match self.history.last() {
            Some((when, Happened::Failed(began))) if now - when < 60 => {
                call.after == self.history.len() || call.began >= began + 2
            }
            _ => true,
        }
    }

    fn turn(&mut self, now: u64, what: Happened) {
        self.valid.clear();
        self.history.push((now, what));
    }

    /// Whether a call is let through.
    fn admit(&mut self, now: u64, call: usize) -> bool {
        let (when, last) = self.last();
        let through = match last {
            Happened::Closed | Happened::Undecided => true,
            Happened::Opened | Happened::Probed => now - when >= 30,
            Happened::Failed(_) => unreachable!("no turn"),
        };
        if through && last != Happened::Closed {
            self.turn(now, Happened::Probed);
        }
        if through {
            self.valid.push(Call { number: call, began: now, after: self.history.len() });
        }
        through
    }

    fn report(&mut self, now: u64, call: usize, verdict: Health) {
        let Some(place) = self.valid.iter().position(|valid| valid.number == call) else { return };
        let call = self.valid.swap_remove(place);
        match (self.last().1, verdict) {
            (Happened::Closed, Health::Failing) if !self.is_news(now, call) => {}
            (Happened::Closed, Health::Failing) => {
                self.history.push((now, Happened::Failed(call.began)));
                if self.failures(now) >= 5 {
                    self.turn(now, Happened::Opened);
                }
            }
            (Happened::Closed, Health::Healthy | Health::Unknown) => {}
            (_, Health::Failing) => self.turn(now, Happened::Opened),
            (_, Health::Healthy) => self.turn(now, Happened::Closed),
            (_, Health::Unknown) => self.turn(now, Happened::Undecided),
        }
    }

    fn state(&self) -> CircuitState {
        match self.last().1 {
            Happened::Closed => CircuitState::Closed,
            Happened::Probed => CircuitState::HalfOpen,
            Happened::Opened | Happened::Undecided | Happened::Failed(_) => CircuitState::Open,
        }
    }
}

/// Calls that begin and end at random, several under way at once, in times good and bad. Answers how often it opened.
fn compare(seed: u64) -> u32 {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut breaker, mut naive) = (Breaker::new(OPTIONS), Naive::default());
    let mut under_way: Vec<(usize, Permit)> = Vec::new();
    let (mut now, mut opened, mut sick) = (0, 0, false);
    for step in 0..600 {
        let leap = if random.u8(..) < 8 { 70 } else { 4 };
        now += random.u64(0..leap);
        sick ^= random.u8(..) < 16;
        if under_way.len() < 6 && random.bool() {
            let admitted = breaker.admit(at(now));
            let expected = naive.admit(now, step);
            assert_eq!(admitted.is_ok(), expected, "seed {seed}, step {step}, second {now}: {breaker:?}");
            match admitted {
                Ok(pass) => under_way.push((step, pass)),
                Err(left) => assert!(!left.is_zero() && left <= OPTIONS.open_for, "seed {seed}, step {step}: {left:?}"),
            }
        } else if !under_way.is_empty() {
            let (call, pass) = under_way.swap_remove(random.usize(..under_way.len()));
            let verdict = match (random.u8(0..8), sick) {
                (0, _) => Health::Unknown,
                (1, sick) => {
                    if sick {
                        Health::Healthy
                    } else {
                        Health::Failing
                    }
                }
                (_, sick) => {
                    if sick {
                        Health::Failing
                    } else {
                        Health::Healthy
                    }
                }
            };
            opened += u32::from(breaker.report(pass, verdict, at(now)) == Some(Transition::Opened));
            naive.report(now, call, verdict);
        }
        let shown = breaker.snapshot(at(now));
        assert_eq!(shown.state, naive.state(), "seed {seed}, step {step}, second {now}: {breaker:?}");
        let failures = if shown.state == CircuitState::Closed { naive.failures(now) } else { 0 };
        assert_eq!(shown.failures as usize, failures, "seed {seed}, step {step}, second {now}: {breaker:?}");
    }
    opened
}

/// The last of the seeds is another one each time; a failure names it.
#[test]
fn it_does_at_random_what_the_naive_one_does() {
    let seeds = (0..300).chain([fastrand::u64(..)]);
    let opened: u32 = seeds.map(compare).sum();
    assert!(opened > 300, "only {opened} circuits opened: the schedule is too kind to show anything");
}
