//! `docs/state-machines.md`: the tables of states, from the domain's own functions, called once for each status and event.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};

use rekindle_core::domain::machine::transition::{MachineEvent, step as machine_step};
use rekindle_core::domain::session::transition::{SessionEvent, Step as SessionStep, step as session_step};
use rekindle_core::domain::task::transition::{Step as TaskStep, TaskEvent, step as task_step};
use rekindle_core::{MachineStatus, SessionStatus, TaskStatus};

/// The result for one status and event.
enum Cell {
    To(&'static str),
    Same,
    Illegal,
    Ended,
}

struct Machine {
    title: &'static str,
    about: &'static str,
    begins: &'static str,
    events: Vec<String>,
    rows: Vec<(&'static str, Vec<Cell>)>,
}

/// Returns the whole page.
pub(super) fn page() -> String {
    let mut page = String::from(
        "<!-- Made by `cargo xtask generate` from the tables in crates/core. Change those, not this page. -->\n\
         # State machines\n\n\
         One table for each entity: what an event (across) does to an entity in a status (down).\n\n\
         | in the table | means |\n\
         | --- | --- |\n\
         | **→ status** | it moves there |\n\
         | *same* | it stays; asking again is no error |\n\
         | refused | not from this status: `invalid_transition` |\n\
         | ended | too late: `session_ended`, with the successor if there is one |\n",
    );
    for machine in [sessions(), tasks(), machines()] {
        section(&mut page, &machine);
    }
    page
}

fn sessions() -> Machine {
    let cell = |status, event| match session_step(status, event) {
        SessionStep::To(next) => Cell::To(next.as_str()),
        SessionStep::Same => Cell::Same,
        SessionStep::Illegal => Cell::Illegal,
        SessionStep::Ended => Cell::Ended,
    };
    Machine {
        title: "Sessions",
        about: "A session begins active. `recover` makes its successor in the same commit and happens once; \
                `prepare recovery` and `archive` leave the status alone.",
        begins: SessionStatus::Active.as_str(),
        events: words(&SessionEvent::ALL),
        rows: rows(&SessionStatus::ALL, &SessionEvent::ALL, SessionStatus::as_str, cell),
    }
}

fn tasks() -> Machine {
    let cell = |status, event| match task_step(status, event) {
        TaskStep::To(next) => Cell::To(next.as_str()),
        TaskStep::Same => Cell::Same,
        TaskStep::Illegal => Cell::Illegal,
    };
    Machine {
        title: "Tasks",
        about: "A task begins pending. The tasks of an ended session take no event at all.",
        begins: TaskStatus::Pending.as_str(),
        events: words(&TaskEvent::ALL),
        rows: rows(&TaskStatus::ALL, &TaskEvent::ALL, TaskStatus::as_str, cell),
    }
}

fn machines() -> Machine {
    let cell = |status, event| match machine_step(status, event) {
        next if next == status => Cell::Same,
        next => Cell::To(next.as_str()),
    };
    Machine {
        title: "Machines",
        about: "A machine begins online. Nothing that happens to a machine is refused.",
        begins: MachineStatus::Online.as_str(),
        events: words(&MachineEvent::ALL),
        rows: rows(&MachineStatus::ALL, &MachineEvent::ALL, MachineStatus::as_str, cell),
    }
}

fn rows<S: Copy, E: Copy>(
    statuses: &[S],
    events: &[E],
    written: fn(S) -> &'static str,
    cell: impl Fn(S, E) -> Cell,
) -> Vec<(&'static str, Vec<Cell>)> {
    let row = |&status: &S| (written(status), events.iter().map(|&event| cell(status, event)).collect());
    statuses.iter().map(row).collect()
}

fn section(page: &mut String, machine: &Machine) {
    let _ = write!(page, "\n## {}\n\n{}\n\n", machine.title, machine.about);
    let _ = writeln!(page, "| | {} |", machine.events.join(" | "));
    let _ = writeln!(page, "| --- |{}", " --- |".repeat(machine.events.len()));
    for (status, cells) in &machine.rows {
        let shown: Vec<_> = cells.iter().map(Cell::shown).collect();
        let _ = writeln!(page, "| **{status}** | {} |", shown.join(" | "));
    }

    // One arrow for each pair of states, labelled with all events that lead along it.
    let mut arrows: BTreeMap<(usize, &str), Vec<&str>> = BTreeMap::new();
    for (row, (_, cells)) in machine.rows.iter().enumerate() {
        for (event, cell) in machine.events.iter().zip(cells) {
            if let Cell::To(next) = cell {
                arrows.entry((row, next)).or_default().push(event);
            }
        }
    }
    let _ = writeln!(page, "\n```mermaid\nstateDiagram-v2\n    [*] --> {}", machine.begins);
    for ((row, next), events) in &arrows {
        let from = machine.rows[*row].0;
        let _ = writeln!(page, "    {from} --> {next}: {}", events.join(", "));
    }
    page.push_str("```\n");
}

impl Cell {
    fn shown(&self) -> String {
        match self {
            Self::To(next) => format!("**→ {next}**"),
            Self::Same => "*same*".to_owned(),
            Self::Illegal => "refused".to_owned(),
            Self::Ended => "ended".to_owned(),
        }
    }
}

/// Returns an event's name as words: `PrepareRecovery` is `prepare recovery`.
fn words<E: Debug>(events: &[E]) -> Vec<String> {
    let spaced = |event: &E| {
        let mut words = String::new();
        for letter in format!("{event:?}").chars() {
            if letter.is_uppercase() && !words.is_empty() {
                words.push(' ');
            }
            words.extend(letter.to_lowercase());
        }
        words
    };
    events.iter().map(spaced).collect()
}
