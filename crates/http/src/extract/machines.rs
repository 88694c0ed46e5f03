//! Requests about machines.

use rekindle_core::MachineId;
use rekindle_core::store::MachineFilter;
use rekindle_core::use_cases::{IfMatch, MachinePatch, NewMachine};

use super::fields::{Reserved, parsed, slots, text};
use super::{Body, Fields, Params, RequestedPage};
use crate::error::ApiError;

/// The default and the maximum number of machines on a page.
const PAGE: (u32, u32) = (50, 100);

/// Parses `POST /api/machines`: the machine, and its id if the body has one.
pub(crate) fn new_machine(body: &Body) -> Result<(Option<MachineId>, NewMachine), ApiError> {
    let mut fields = Fields::of(body)?;
    let id = fields.optional("machine_id", text);
    let hostname = fields.required("hostname", text);
    let docker_slots = fields.required("docker_slots", slots);
    let metadata = fields.metadata(Reserved::Nothing);
    fields.done(|| Ok((id?, NewMachine { hostname: hostname?, docker_slots: docker_slots?, metadata: metadata? })))
}

/// Parses `PUT /api/machines/{id}`: the same body, whose `machine_id`, if any, must equal that of the path.
pub(crate) fn put_machine(body: &Body, path: &MachineId) -> Result<NewMachine, ApiError> {
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

/// Parses `PATCH /api/machines/{id}`.
pub(crate) fn patch_machine(body: &Body, if_match: Option<IfMatch>) -> Result<MachinePatch, ApiError> {
    let mut fields = Fields::of(body)?;
    let status = fields.optional("status", parsed);
    let docker_slots = fields.optional("docker_slots", slots);
    let metadata = fields.metadata_patch(Reserved::Nothing);
    fields.done(|| Ok(MachinePatch { status: status?, docker_slots: docker_slots?, metadata: metadata?, if_match }))
}

/// Parses `GET /api/machines`.
pub(crate) fn machine_filter(mut params: Params) -> Result<(MachineFilter, RequestedPage), ApiError> {
    let status = params.parsed("status");
    let paging = params.paging(PAGE.0, PAGE.1);
    params.done(|| Ok((MachineFilter { status: status? }, paging?)))
}
