//! The requests of `docs/API.md`, in the order in which they are sent: each builds on those before it.

pub(super) struct Example {
    /// The method and path of the OpenAPI document for which it is an example; `None` if it is only sent.
    pub of: Option<(&'static str, &'static str)>,
    /// The command as a user types it.
    pub command: &'static str,
    /// The variable that gets a field of the response for later commands, and the field.
    pub keep: Option<(&'static str, &'static str)>,
}

const fn shown(method: &'static str, path: &'static str, command: &'static str) -> Example {
    Example { of: Some((method, path)), command, keep: None }
}

const fn hidden(command: &'static str) -> Example {
    Example { of: None, command, keep: None }
}

impl Example {
    const fn keeping(self, variable: &'static str, field: &'static str) -> Self {
        Self { keep: Some((variable, field)), ..self }
    }
}

pub(super) const EXAMPLES: &[Example] = &[
    shown(
        "post",
        "/api/machines",
        r#"curl -sS "$URL/api/machines" -H "X-API-Key: $KEY" \
  --json '{"machine_id": "build-7", "hostname": "build-7.example.org", "docker_slots": [1, 2]}'"#,
    ),
    shown(
        "put",
        "/api/machines/{id}",
        r#"curl -sS -X PUT "$URL/api/machines/build-8" -H "X-API-Key: $KEY" \
  --json '{"hostname": "build-8.example.org", "docker_slots": [1, 2]}'"#,
    ),
    shown("get", "/api/machines", r#"curl -sS "$URL/api/machines?status=online" -H "X-API-Key: $KEY""#),
    shown("get", "/api/machines/{id}", r#"curl -sS "$URL/api/machines/build-7" -H "X-API-Key: $KEY""#),
    shown(
        "patch",
        "/api/machines/{id}",
        r#"curl -sS -X PATCH "$URL/api/machines/build-7" -H "X-API-Key: $KEY" \
  --json '{"docker_slots": [1, 2, 3]}'"#,
    ),
    shown(
        "post",
        "/api/machines/{id}/heartbeat",
        r#"curl -sS -X POST "$URL/api/machines/build-7/heartbeat" -H "X-API-Key: $KEY""#,
    ),
    shown(
        "post",
        "/api/sessions",
        r#"curl -sS "$URL/api/sessions" -H "X-API-Key: $KEY" \
  --json '{"project_id": "website", "machine_id": "build-7", "docker_slot": 1, "metadata": {"agent": "builder"}}'"#,
    )
    .keeping("SESSION", "session_id"),
    shown(
        "post",
        "/api/sessions/{id}/heartbeat",
        r#"curl -sS -X POST "$URL/api/sessions/$SESSION/heartbeat" -H "X-API-Key: $KEY""#,
    ),
    shown(
        "post",
        "/api/tasks",
        r#"curl -sS "$URL/api/tasks" -H "X-API-Key: $KEY" \
  --json '{"session_id": "'"$SESSION"'", "project_id": "website", "task_name": "write the imprint"}'"#,
    )
    .keeping("TASK", "task_id"),
    hidden(
        r#"curl -sS "$URL/api/tasks" -H "X-API-Key: $KEY" \
  --json '{"session_id": "'"$SESSION"'", "project_id": "website", "task_name": "a slip of the pen"}'"#,
    )
    .keeping("SLIP", "task_id"),
    shown("delete", "/api/tasks/{id}", r#"curl -sS -X DELETE "$URL/api/tasks/$SLIP" -H "X-API-Key: $KEY""#),
    shown(
        "patch",
        "/api/tasks/{id}",
        r#"curl -sS -X PATCH "$URL/api/tasks/$TASK" -H "X-API-Key: $KEY" \
  --json '{"status": "in_progress"}'"#,
    ),
    shown(
        "get",
        "/api/tasks",
        r#"curl -sS "$URL/api/tasks?session_id=$SESSION&status=in_progress" -H "X-API-Key: $KEY""#,
    ),
    shown("get", "/api/tasks/{id}", r#"curl -sS "$URL/api/tasks/$TASK" -H "X-API-Key: $KEY""#),
    shown(
        "patch",
        "/api/sessions/{id}",
        r#"curl -sS -X PATCH "$URL/api/sessions/$SESSION" -H "X-API-Key: $KEY" \
  --json '{"metadata": {"branch": "imprint"}}'"#,
    ),
    shown(
        "get",
        "/api/sessions",
        r#"curl -sS "$URL/api/sessions?project_id=website&status=active&limit=10" -H "X-API-Key: $KEY""#,
    ),
    shown("get", "/api/sessions/{id}", r#"curl -sS "$URL/api/sessions/$SESSION" -H "X-API-Key: $KEY""#),
    shown("get", "/api/sessions/health", r#"curl -sS "$URL/api/sessions/health" -H "X-API-Key: $KEY""#),
    shown("get", "/api/sessions/{id}/health", r#"curl -sS "$URL/api/sessions/$SESSION/health" -H "X-API-Key: $KEY""#),
    shown(
        "post",
        "/api/sessions/detect-failures",
        r#"curl -sS -X POST "$URL/api/sessions/detect-failures" -H "X-API-Key: $KEY""#,
    ),
    shown(
        "post",
        "/api/sessions/{id}/mark-stalled",
        r#"curl -sS -X POST "$URL/api/sessions/$SESSION/mark-stalled" -H "X-API-Key: $KEY""#,
    ),
    shown("get", "/api/sessions/stalled", r#"curl -sS "$URL/api/sessions/stalled" -H "X-API-Key: $KEY""#),
    shown(
        "get",
        "/api/sessions/{id}/recovery-state",
        r#"curl -sS "$URL/api/sessions/$SESSION/recovery-state" -H "X-API-Key: $KEY""#,
    ),
    shown(
        "post",
        "/api/sessions/{id}/prepare-recovery",
        r#"curl -sS "$URL/api/sessions/$SESSION/prepare-recovery" -H "X-API-Key: $KEY" \
  --json '{"release_slot": true}'"#,
    ),
    shown(
        "post",
        "/api/sessions/{id}/recover",
        r#"curl -sS "$URL/api/sessions/$SESSION/recover" -H "X-API-Key: $KEY" \
  --json '{"new_machine_id": "build-8", "docker_slot": 1}'"#,
    )
    .keeping("NEXT", "session_id"),
    shown(
        "post",
        "/api/sessions/{id}/mark-failed",
        r#"curl -sS "$URL/api/sessions/$NEXT/mark-failed" -H "X-API-Key: $KEY" \
  --json '{"error_message": "the build ran out of memory"}'"#,
    ),
    shown(
        "post",
        "/api/sessions/{id}/archive",
        r#"curl -sS -X POST "$URL/api/sessions/$SESSION/archive" -H "X-API-Key: $KEY""#,
    ),
    shown("get", "/api/sessions/archived", r#"curl -sS "$URL/api/sessions/archived?limit=10" -H "X-API-Key: $KEY""#),
    shown(
        "post",
        "/api/sessions/cleanup",
        r#"curl -sS -X POST "$URL/api/sessions/cleanup?older_than_days=0&dry_run=true" -H "X-API-Key: $KEY""#,
    ),
    shown(
        "delete",
        "/api/sessions/cleanup",
        r#"curl -sS -X DELETE "$URL/api/sessions/cleanup?older_than_days=90" -H "X-API-Key: $KEY""#,
    ),
    shown("delete", "/api/sessions/{id}", r#"curl -sS -X DELETE "$URL/api/sessions/$NEXT" -H "X-API-Key: $KEY""#),
    shown("delete", "/api/machines/{id}", r#"curl -sS -X DELETE "$URL/api/machines/build-8" -H "X-API-Key: $KEY""#),
    shown(
        "post",
        "/api/keys",
        r#"curl -sS "$URL/api/keys" -H "X-API-Key: $KEY" \
  --json '{"name": "build machines", "role": "worker", "project_id": "website", "expires_in_days": 90}'"#,
    )
    .keeping("KEY_ID", "key_id"),
    shown("get", "/api/keys", r#"curl -sS "$URL/api/keys" -H "X-API-Key: $KEY""#),
    shown(
        "post",
        "/api/keys/{id}/rotate",
        r#"curl -sS "$URL/api/keys/$KEY_ID/rotate" -H "X-API-Key: $KEY" \
  --json '{"overlap_seconds": 3600, "expires_in_days": 90}'"#,
    ),
    shown("post", "/api/keys/{id}/revoke", r#"curl -sS -X POST "$URL/api/keys/$KEY_ID/revoke" -H "X-API-Key: $KEY""#),
    shown("get", "/api/audit", r#"curl -sS "$URL/api/audit?kind=session.recovered&limit=10" -H "X-API-Key: $KEY""#),
    shown("get", "/health", r#"curl -sS "$URL/health""#),
    shown("get", "/healthz", r#"curl -sS "$URL/healthz""#),
    shown("get", "/health/detailed", r#"curl -sS "$URL/health/detailed" -H "X-API-Key: $KEY""#),
    shown("get", "/ready", r#"curl -sS "$URL/ready""#),
    shown("get", "/readyz", r#"curl -sS "$URL/readyz""#),
    shown("get", "/metrics", r#"curl -sS "$URL/metrics" -H "Authorization: Bearer $KEY" | grep active_sessions_count"#),
    shown("get", "/api/docs", r#"curl -sS "$URL/api/docs" -H "Accept: text/html" | grep title"#),
    shown("get", "/api/docs/openapi.json", r#"curl -sS "$URL/api/docs/openapi.json" | grep '"openapi"'"#),
];
