//! Machines: register, read, list, change, beat, delete.

use std::collections::HashMap;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use rekindle_core::tracker::{MachineView, Registered};
use rekindle_core::{MachineId, SessionId};

use crate::answer::{Answer, Note, created, entity, json, noted, nothing};
use crate::api::{CreateMachine, Machine, MachineList, MachineQuery, PatchMachine};
use crate::context::Context;
use crate::parse::{self, Body, Params, PathId, Precondition};

/// Register a machine
///
/// It is online from now on. Its id is made if it brings none.
#[utoipa::path(
    post, path = "/api/machines", tag = "machines", operation_id = "createMachine",
    request_body = CreateMachine,
    responses(
        (status = 201, description = "The machine", body = Machine),
        (status = 409, description = "`machine_conflict`: it is registered already"),
    ),
)]
pub async fn create(context: Data<Context>, body: Body) -> Answer {
    let (id, new) = parse::new_machine(&body)?;
    let view = context.run("create_machine", |tracker| async move { tracker.create_machine(id, new).await }).await?;
    noted(registered(&view), note("Machine registered", &view))
}

fn registered(view: &MachineView) -> Answer {
    created(&location(&view.machine.value.id), view.machine.version, &Machine::from(view))
}

/// Where a machine is: its id may hold what a path may not.
fn location(id: &MachineId) -> String {
    use std::fmt::Write as _;
    let mut path = "/api/machines/".to_owned();
    for byte in id.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}

fn note(message: &'static str, view: &MachineView) -> Note {
    Note { message, machine_id: Some(view.machine.value.id.to_string()), ..Note::default() }
}

/// List machines
///
/// Newest first, each with the sessions that live on it.
#[utoipa::path(
    get, path = "/api/machines", tag = "machines", operation_id = "listMachines", params(MachineQuery),
    responses(
        (status = 200, description = "A page", body = MachineList),
        (status = 400, description = "Bad parameters"),
    ),
)]
pub async fn list(context: Data<Context>, req: HttpRequest) -> Answer {
    let (filter, paging) = parse::machine_filter(Params::of(&req))?;
    let listed = context.run("machines", move |tracker| async move { tracker.machines(&filter, paging.request).await });
    let (page, live) = listed.await?;
    let mut living: HashMap<MachineId, Vec<SessionId>> = HashMap::new();
    for session in live {
        living.entry(session.machine_id).or_default().push(session.session_id);
    }
    let machines = page.items.iter().map(|row| Machine::new(row, living.remove(&row.value.id).unwrap_or_default()));
    let list = MachineList {
        machines: machines.collect(),
        total: page.total,
        limit: paging.request.limit,
        offset: paging.offset,
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    };
    json(StatusCode::OK, &list)
}

/// Show a machine
#[utoipa::path(
    get, path = "/api/machines/{id}", tag = "machines", operation_id = "getMachine",
    params(("id" = String, Path, description = "The machine")),
    responses((status = 200, description = "The machine", body = Machine)),
)]
pub async fn show(context: Data<Context>, id: PathId<MachineId>) -> Answer {
    let view = context.run("machine", |tracker| async move { tracker.machine(&id.0).await }).await?;
    shown(&view)
}

fn shown(view: &MachineView) -> Answer {
    entity(StatusCode::OK, view.machine.version, &Machine::from(view))
}

/// Register or replace a machine
///
/// Counts as a heartbeat, so that a restarted agent need not care whether it was known.
#[utoipa::path(
    put, path = "/api/machines/{id}", tag = "machines", operation_id = "putMachine",
    params(("id" = String, Path, description = "The machine")),
    request_body = CreateMachine,
    responses(
        (status = 200, description = "The machine, as it is now", body = Machine),
        (status = 201, description = "The machine, which is new", body = Machine),
        (status = 409, description = "`slot_conflict`: a slot in use would go"),
    ),
)]
pub async fn put(context: Data<Context>, id: PathId<MachineId>, when: Precondition, body: Body) -> Answer {
    let new = parse::put_machine(&body, &id.0)?;
    let put =
        context.run("put_machine", |tracker| async move { tracker.put_machine(id.0, new, when.0.as_ref()).await });
    match put.await? {
        Registered::New(view) => noted(registered(&view), note("Machine registered", &view)),
        Registered::Replaced(view) => noted(shown(&view), note("Machine replaced", &view)),
    }
}

/// Change a machine
///
/// What is absent stays.
#[utoipa::path(
    patch, path = "/api/machines/{id}", tag = "machines", operation_id = "updateMachine",
    params(("id" = String, Path, description = "The machine")),
    request_body = PatchMachine,
    responses(
        (status = 200, description = "The machine", body = Machine),
        (status = 409, description = "`slot_conflict`: a slot in use would go"),
    ),
)]
pub async fn update(context: Data<Context>, id: PathId<MachineId>, when: Precondition, body: Body) -> Answer {
    let patch = parse::patch_machine(&body, when.0)?;
    let view =
        context.run("update_machine", |tracker| async move { tracker.update_machine(&id.0, &patch).await }).await?;
    noted(shown(&view), note("Machine updated", &view))
}

/// Send a machine's heartbeat
///
/// An offline machine is online by it, one in maintenance stays there.
#[utoipa::path(
    post, path = "/api/machines/{id}/heartbeat", tag = "machines", operation_id = "sendMachineHeartbeat",
    params(("id" = String, Path, description = "The machine")),
    responses((status = 200, description = "The machine", body = Machine)),
)]
pub async fn heartbeat(context: Data<Context>, id: PathId<MachineId>, body: Body) -> Answer {
    parse::nothing(&body)?;
    let view = context.run("beat_machine", |tracker| async move { tracker.beat_machine(&id.0).await }).await?;
    noted(shown(&view), Note { message: "Machine heartbeat received", ..Note::default() })
}

/// Forget a machine
///
/// Only one without live sessions.
#[utoipa::path(
    delete, path = "/api/machines/{id}", tag = "machines", operation_id = "deleteMachine",
    params(("id" = String, Path, description = "The machine")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`machine_conflict`: sessions live on it"),
    ),
)]
pub async fn delete(context: Data<Context>, id: PathId<MachineId>, when: Precondition) -> Answer {
    context
        .run("delete_machine", |tracker| async move { tracker.delete_machine(&id.0, when.0.as_ref()).await })
        .await?;
    noted(nothing(), Note { message: "Machine deleted", ..Note::default() })
}
