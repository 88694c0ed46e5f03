//! Requests about machines.

use rekindle_core::MachineId;
use rekindle_core::store::MachineFilter;
use rekindle_core::use_cases::{IfMatch, MachinePatch, NewMachine};

use super::fields::{Reserved, parsed, slots, text};
use super::{Body, Fields, Paging, Params};
use crate::error::ApiError;

/// How many a page has unless told, and at most.
const PAGE: (u32, u32) = (50, 100);

/// `POST /api/machines`: the machine, and the id that it brings.
pub fn new_machine(body: &Body) -> Result<(Option<MachineId>, NewMachine), ApiError> {
    let mut fields = Fields::of(body)?;
    let id = fields.optional("machine_id", text);
    let hostname = fields.required("hostname", text);
    let docker_slots = fields.required("docker_slots", slots);
    let metadata = fields.metadata(Reserved::Nothing);
    fields.done(|| Ok((id?, NewMachine { hostname: hostname?, docker_slots: docker_slots?, metadata: metadata? })))
}

/// `PUT /api/machines/{id}`: the same body, whose `machine_id`, if any, is that of the path.
pub fn put_machine(body: &Body, path: &MachineId) -> Result<NewMachine, ApiError> {
    let mut fields = Fields::of(body)?;
    match fields.optional("machine_id", text::<MachineId>) {
        Ok(Some(other)) if other != *path => {
            fields.fault("machine_id", format!("must be that of the path, {path}"));
        }
        Ok(_) | Err(_) => {}
    }
    let hostname = fields.required("hostname", text);
    let docker_slots = fields.required("docker_slots", slots);
    let metadata = fields.metadata(Reserved::Nothing);
    fields.done(|| Ok(NewMachine { hostname: hostname?, docker_slots: docker_slots?, metadata: metadata? }))
}

/// `PATCH /api/machines/{id}`.
pub fn patch_machine(body: &Body, if_match: Option<IfMatch>) -> Result<MachinePatch, ApiError> {
    let mut fields = Fields::of(body)?;
    let status = fields.optional("status", parsed);
    let docker_slots = fields.optional("docker_slots", slots);
    let metadata = fields.metadata_patch(Reserved::Nothing);
    fields.done(|| Ok(MachinePatch { status: status?, docker_slots: docker_slots?, metadata: metadata?, if_match }))
}

/// `GET /api/machines`.
pub fn machine_filter(mut params: Params) -> Result<(MachineFilter, Paging), ApiError> {
    let status = params.parsed("status");
    let paging = params.paging(PAGE.0, PAGE.1);
    params.done(|| Ok((MachineFilter { status: status? }, paging?)))
}
