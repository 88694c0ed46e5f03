//! Lists: newest first, filtered, paged by offset and by cursor; and what machines see of their sessions.

use std::sync::Arc;

use rekindle_core::domain::session::{LiveState, Outcome, Phase};
use rekindle_core::store::{Cursor, FindTyped, MachineFilter, PageRequest, SessionFilter, Start, TaskFilter, queries};
use rekindle_core::{MachineStatus, Session, SessionId, SessionStatus, Slot, Store, TaskId, TaskStatus};

use super::case::{cases, insert};
use crate::sample::{self, noon_plus, text, uuid};

cases![
    newest_first_and_the_later_commit_first,
    a_session_list_filters_by_everything_at_once,
    a_task_list_filters_by_everything_at_once,
    a_machine_list_filters_by_status,
    offsets_and_limits,
    a_cursor_goes_on_and_misses_nothing,
    a_cursor_stays_true_while_the_list_grows,
    the_tasks_of_a_session_in_order,
    live_sessions_of_machines,
    counts_by_status,
];

const FIRST_100: PageRequest = PageRequest { limit: 100, start: Start::Offset(0) };

async fn ids(store: &Arc<dyn Store>, filter: &SessionFilter) -> Vec<SessionId> {
    let page = store.read(queries::sessions(filter, FIRST_100)).await.unwrap();
    assert_eq!(page.total, page.items.len() as u64);
    page.items.into_iter().map(|row| row.value.id).collect()
}

/// A session made this many milliseconds after noon.
fn made(n: u64, at: i64) -> Session {
    let mut session = sample::session(n);
    session.created_at = noon_plus(at);
    session
}

async fn newest_first_and_the_later_commit_first(store: Arc<dyn Store>) {
    for (n, at) in [(1, 5), (2, 9), (3, 5), (4, 1), (5, 9)] {
        insert(&store, made(n, at)).await;
    }
    let expected = [5, 2, 3, 1, 4].map(|n| SessionId(uuid(n)));
    assert_eq!(ids(&store, &SessionFilter::default()).await, expected);
}

/// 60 sessions over two projects, three machines, all statuses, two lineages, archived and not.
async fn a_crowd(store: &Arc<dyn Store>) -> Vec<Session> {
    let mut crowd = Vec::new();
    for n in 1..=60 {
        let mut session = made(n, i64::try_from(n / 2).unwrap());
        session.project_id = text(["p0", "p1"][usize::try_from(n % 2).unwrap()]);
        session.machine_id = text(["m0", "m1", "m2"][usize::try_from(n % 3).unwrap()]);
        session.lineage.id = SessionId(uuid(500 + n % 2));
        session.phase = match n % 7 {
            0 => sample::live(LiveState::Paused),
            1 => sample::live(LiveState::Stalled { prepared_at: None }),
            2 => sample::ended(noon_plus(1), Outcome::Completed),
            3 => sample::ended(noon_plus(1), Outcome::failed(text("no"))),
            4 => {
                let mut phase = sample::ended(noon_plus(1), Outcome::Completed);
                let Phase::Ended(ended) = &mut phase else { panic!("it ended") };
                ended.archived_at = Some(noon_plus(2));
                phase
            }
            // At most one active session for each project and machine.
            _ if n <= 6 => sample::live(LiveState::Active),
            _ => sample::live(LiveState::Paused),
        };
        insert(store, session.clone()).await;
        crowd.push(session);
    }
    crowd
}

async fn a_session_list_filters_by_everything_at_once(store: Arc<dyn Store>) {
    let mut crowd = a_crowd(&store).await;
    crowd.reverse();
    let some = |present: bool, value: &str| present.then(|| value.to_owned());
    for bits in 0..8 {
        for status in [None].into_iter().chain(SessionStatus::ALL.map(Some)) {
            for archived in [None, Some(true), Some(false)] {
                let filter = SessionFilter {
                    project_id: some(bits & 1 > 0, "p1").map(|id| text(&id)),
                    machine_id: some(bits & 2 > 0, "m2").map(|id| text(&id)),
                    lineage_id: (bits & 4 > 0).then(|| SessionId(uuid(501))),
                    status,
                    archived,
                };
                let expected: Vec<_> = crowd
                    .iter()
                    .filter(|session| filter.project_id.as_ref().is_none_or(|id| *id == session.project_id))
                    .filter(|session| filter.machine_id.as_ref().is_none_or(|id| *id == session.machine_id))
                    .filter(|session| filter.lineage_id.is_none_or(|id| id == session.lineage.id))
                    .filter(|session| status.is_none_or(|status| status == session.status()))
                    .filter(|session| archived.is_none_or(|yes| yes == session.archived_at().is_some()))
                    .map(|session| session.id)
                    .collect();
                assert_eq!(ids(&store, &filter).await, expected, "{filter:?}");
            }
        }
    }
}

async fn a_task_list_filters_by_everything_at_once(store: Arc<dyn Store>) {
    let (one, mut two) = (sample::session(1), sample::session(2));
    two.project_id = text("p2");
    insert(&store, one.clone()).await;
    insert(&store, two.clone()).await;
    let mut all = Vec::new();
    for (n, session) in (0..).zip([&one, &two]) {
        for mut task in sample::tasks_of_every_shape(session) {
            task.id = TaskId(uuid(10_000 + n * 1000 + u64::try_from(all.len()).unwrap()));
            insert(&store, task.clone()).await;
            all.push(task);
        }
    }
    all.reverse();
    for bits in 0..4 {
        for status in [None].into_iter().chain(TaskStatus::ALL.map(Some)) {
            let filter = TaskFilter {
                session_id: (bits & 1 > 0).then_some(two.id),
                project_id: (bits & 2 > 0).then(|| one.project_id.clone()),
                status,
            };
            let page = store.read(queries::tasks(&filter, FIRST_100)).await.unwrap();
            let found: Vec<_> = page.items.into_iter().map(|row| row.value).collect();
            let expected: Vec<_> = all
                .iter()
                .filter(|task| filter.session_id.is_none_or(|id| id == task.session_id))
                .filter(|task| filter.project_id.as_ref().is_none_or(|id| *id == task.project_id))
                .filter(|task| status.is_none_or(|status| status == task.status()))
                .cloned()
                .collect();
            assert_eq!((found, page.total), (expected.clone(), expected.len() as u64), "{filter:?}");
        }
    }
}

async fn a_machine_list_filters_by_status(store: Arc<dyn Store>) {
    for (n, status) in MachineStatus::ALL.into_iter().cycle().take(7).enumerate() {
        let mut machine = sample::machine(&format!("m{n}"));
        machine.status = status;
        machine.created_at = noon_plus(i64::try_from(n).unwrap());
        insert(&store, machine).await;
    }
    for (status, expected) in [
        (None, vec!["m6", "m5", "m4", "m3", "m2", "m1", "m0"]),
        (Some(MachineStatus::Online), vec!["m6", "m3", "m0"]),
        (Some(MachineStatus::Offline), vec!["m4", "m1"]),
        (Some(MachineStatus::Maintenance), vec!["m5", "m2"]),
    ] {
        let page = store.read(queries::machines(&MachineFilter { status }, FIRST_100)).await.unwrap();
        let found: Vec<_> = page.items.iter().map(|row| row.value.id.as_str()).collect();
        assert_eq!((found, page.total), (expected.clone(), expected.len() as u64));
    }
}

async fn offsets_and_limits(store: Arc<dyn Store>) {
    for n in 1..=5 {
        insert(&store, made(n, i64::try_from(n).unwrap())).await;
    }
    for (limit, offset, expected, more) in [
        (2, 0, vec![5, 4], true),
        (2, 3, vec![2, 1], false),
        (3, 2, vec![3, 2, 1], false),
        (5, 0, vec![5, 4, 3, 2, 1], false),
        (2, 5, vec![], false),
        (2, 1_000_000_000_000, vec![], false),
    ] {
        let page = PageRequest { limit, start: Start::Offset(offset) };
        let page = store.read(queries::sessions(&SessionFilter::default(), page)).await.unwrap();
        let found: Vec<_> = page.items.iter().map(|row| row.value.id).collect();
        let expected: Vec<_> = expected.into_iter().map(|n| SessionId(uuid(n))).collect();
        assert_eq!((found, page.total, page.next.is_some()), (expected, 5, more), "limit {limit}, offset {offset}");
    }
}

async fn follow(store: &Arc<dyn Store>, filter: &SessionFilter, limit: u32) -> Vec<SessionId> {
    let mut start = Start::Offset(0);
    let mut found = Vec::new();
    loop {
        let page = store.read(queries::sessions(filter, PageRequest { limit, start })).await.unwrap();
        found.extend(page.items.iter().map(|row| row.value.id));
        let Some(next) = page.next else { return found };
        // What a client hands back is text.
        start = Start::After(next.to_string().parse::<Cursor>().unwrap());
    }
}

async fn a_cursor_goes_on_and_misses_nothing(store: Arc<dyn Store>) {
    let crowd = a_crowd(&store).await;
    let filters = [
        SessionFilter::default(),
        SessionFilter { project_id: Some(text("p1")), ..SessionFilter::default() },
        SessionFilter { machine_id: Some(text("m2")), ..SessionFilter::default() },
        SessionFilter { status: Some(SessionStatus::Paused), ..SessionFilter::default() },
        SessionFilter { archived: Some(true), ..SessionFilter::default() },
        SessionFilter { lineage_id: Some(SessionId(uuid(500))), ..SessionFilter::default() },
    ];
    for filter in filters {
        let expected = ids(&store, &filter).await;
        for limit in [1, 7, 60, 100] {
            assert_eq!(follow(&store, &filter, limit).await, expected, "{filter:?} by {limit}");
        }
    }
    assert_eq!(follow(&store, &SessionFilter::default(), 9).await.len(), crowd.len());
}

async fn a_cursor_stays_true_while_the_list_grows(store: Arc<dyn Store>) {
    for n in 1..=4 {
        insert(&store, made(n, i64::try_from(n).unwrap())).await;
    }
    let all = SessionFilter::default();
    let first = store.read(queries::sessions(&all, PageRequest { limit: 2, start: Start::Offset(0) })).await.unwrap();
    insert(&store, made(9, 9)).await;
    let next = Start::After(first.next.unwrap());
    let rest = store.read(queries::sessions(&all, PageRequest { limit: 2, start: next })).await.unwrap();
    let found: Vec<_> = rest.items.iter().map(|row| row.value.id).collect();
    assert_eq!(found, [2, 1].map(|n| SessionId(uuid(n))));
    assert_eq!((rest.total, rest.next), (5, None));
}

async fn the_tasks_of_a_session_in_order(store: Arc<dyn Store>) {
    let (session, other) = (sample::session(1), sample::session(2));
    insert(&store, session.clone()).await;
    insert(&store, other.clone()).await;
    insert(&store, sample::task(5, &other)).await;
    let tasks = sample::tasks_of_every_shape(&session);
    for task in &tasks {
        insert(&store, task.clone()).await;
    }
    let found = |rows: Vec<rekindle_core::Versioned<_>>| rows.into_iter().map(|row| row.value).collect::<Vec<_>>();
    assert_eq!(found(store.read(queries::tasks_of(session.id, &TaskStatus::ALL)).await.unwrap()), tasks);
    let some = [TaskStatus::Failed, TaskStatus::Pending];
    let expected: Vec<_> = tasks.into_iter().filter(|task| some.contains(&task.status())).collect();
    assert_eq!(found(store.read(queries::tasks_of(session.id, &some)).await.unwrap()), expected);
    assert!(store.read(queries::tasks_of(session.id, &[])).await.unwrap().is_empty());
}

async fn live_sessions_of_machines(store: Arc<dyn Store>) {
    let crowd = a_crowd(&store).await;
    let mut held = made(99, 99);
    held.machine_id = text("m9");
    held.docker_slot = Some(Slot(3));
    insert(&store, held.clone()).await;
    let machines = ["m2", "m9", "nobody"].map(sample::machine_id);
    let found = store.read(queries::live_sessions(&machines)).await.unwrap();
    for machine in &machines {
        let theirs: Vec<_> = found
            .iter()
            .filter(|live| live.machine_id == *machine)
            .map(|live| (live.session_id, live.docker_slot))
            .collect();
        let expected: Vec<_> = crowd
            .iter()
            .chain([&held])
            .filter(|session| session.machine_id == *machine && session.status().is_live())
            .map(|session| (session.id, session.docker_slot))
            .collect();
        assert_eq!(theirs, expected, "{machine}");
    }
    assert!(found.iter().all(|live| machines.contains(&live.machine_id)));
}

async fn counts_by_status(store: Arc<dyn Store>) {
    let crowd = a_crowd(&store).await;
    let mut counts = store.read(queries::counts()).await.unwrap();
    assert_eq!(counts.total(), 60);
    for status in SessionStatus::ALL {
        let expected = crowd.iter().filter(|session| session.status() == status).count() as u64;
        assert_eq!(*counts.of(status), expected, "{status}");
    }
}
