//! Machines: register, read, list, change, send heartbeats, delete.

use std::collections::HashMap;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use rekindle_core::use_cases::{MachineView, Registered};
use rekindle_core::{MachineId, SessionId, Tracker};

use crate::extract::RequestContext;
use crate::extract::{self, Body, Params, PathId, Precondition};
use crate::response::{HandlerResult, LogFields, created, entity, no_content, with_log};
use rekindle_api::{CreateMachine, Machine, MachineList, MachineQuery, Paging, PatchMachine};

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
pub(crate) async fn create(caller: RequestContext, body: Body) -> HandlerResult {
    let (id, new) = extract::new_machine(&body)?;
    let show = |view: &MachineView| with_log(registered(view), log_fields("Machine registered", view));
    caller
        .respond("create_machine", &body, |tracker| async move { tracker.machines().create(id, new).await }, show)
        .await
}

fn registered(view: &MachineView) -> HandlerResult {
    created(&location(&view.machine.value.id), view.machine.version, &Machine::from(view))
}

/// Returns the path of a machine; characters of the id that a path may not contain are escaped.
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

fn log_fields(message: &'static str, view: &MachineView) -> LogFields {
    LogFields { message, machine_id: Some(view.machine.value.id.to_string()), ..LogFields::default() }
}

/// List machines
///
/// Newest first, each with the sessions that live on it.
#[utoipa::path(
    get, path = "/api/machines", tag = "machines", operation_id = "listMachines", params(MachineQuery, Paging),
    responses(
        (status = 200, description = "A page", body = MachineList),
        (status = 400, description = "Bad parameters"),
    ),
)]
pub(crate) async fn list(caller: RequestContext, req: HttpRequest) -> HandlerResult {
    let (filter, requested) = extract::machine_filter(Params::of(&req))?;
    let list = |tracker: Tracker| async move { tracker.machines().list(&filter, requested.request).await };
    let (page, live) = caller.run("machines", list).await?;
    let mut living: HashMap<MachineId, Vec<SessionId>> = HashMap::new();
    for session in live {
        living.entry(session.machine_id).or_default().push(session.session_id);
    }
    super::list::list(&page, requested, |row| Machine::new(row, living.remove(&row.value.id).unwrap_or_default()))
}

/// Show a machine
#[utoipa::path(
    get, path = "/api/machines/{id}", tag = "machines", operation_id = "getMachine",
    params(("id" = String, Path, description = "The machine")),
    responses((status = 200, description = "The machine", body = Machine)),
)]
pub(crate) async fn show(caller: RequestContext, id: PathId<MachineId>) -> HandlerResult {
    let view = caller.run("machine", |tracker| async move { tracker.machines().get(&id.0).await }).await?;
    shown(&view)
}

fn shown(view: &MachineView) -> HandlerResult {
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
pub(crate) async fn put(
    caller: RequestContext,
    id: PathId<MachineId>,
    when: Precondition,
    body: Body,
) -> HandlerResult {
    let new = extract::put_machine(&body, &id.0)?;
    let put =
        caller.run("put_machine", |tracker| async move { tracker.machines().put(id.0, new, when.0.as_ref()).await });
    match put.await? {
        Registered::New(view) => with_log(registered(&view), log_fields("Machine registered", &view)),
        Registered::Replaced(view) => with_log(shown(&view), log_fields("Machine replaced", &view)),
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
pub(crate) async fn update(
    caller: RequestContext,
    id: PathId<MachineId>,
    when: Precondition,
    body: Body,
) -> HandlerResult {
    let patch = extract::patch_machine(&body, when.0)?;
    let view =
        caller.run("update_machine", |tracker| async move { tracker.machines().update(&id.0, &patch).await }).await?;
    with_log(shown(&view), log_fields("Machine updated", &view))
}

/// Send a machine's heartbeat
///
/// An offline machine is online by it, one in maintenance stays there.
#[utoipa::path(
    post, path = "/api/machines/{id}/heartbeat", tag = "machines", operation_id = "sendMachineHeartbeat",
    params(("id" = String, Path, description = "The machine")),
    responses((status = 200, description = "The machine", body = Machine)),
)]
pub(crate) async fn heartbeat(caller: RequestContext, id: PathId<MachineId>, body: Body) -> HandlerResult {
    extract::empty_body(&body)?;
    let show = |view: &MachineView| {
        with_log(shown(view), LogFields { message: "Machine heartbeat received", ..LogFields::default() })
    };
    caller
        .respond("beat_machine", &body, |tracker| async move { tracker.machines().record_heartbeat(&id.0).await }, show)
        .await
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
pub(crate) async fn delete(caller: RequestContext, id: PathId<MachineId>, when: Precondition) -> HandlerResult {
    caller
        .run("delete_machine", |tracker| async move { tracker.machines().delete(&id.0, when.0.as_ref()).await })
        .await?;
    with_log(no_content(), LogFields { message: "Machine deleted", ..LogFields::default() })
}
