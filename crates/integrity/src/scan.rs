//! Reads the whole store page by page: every session, task and machine once, and the sessions again as often as the
//! rules about sets need it.

use std::collections::{HashMap, HashSet};

use rekindle_core::domain::session::Session;
use rekindle_core::store::{
    FindTyped, MachineFilter, Page, PageRequest, SessionFilter, Start, StoreError, TaskFilter, queries,
};
use rekindle_core::values::SessionId;

use crate::check::{Check, PAGE};
use crate::duplicates::{DuplicateFinder, clash};
use crate::lookup::{Copied, SessionRef, belongs, known, look_up_all};
use crate::report::Part;
use crate::rows;

/// The number of sessions that are remembered while tasks are read. Most tasks come after others of the same session.
const REMEMBERED: usize = 50_000;

impl Check<'_> {
    pub(super) async fn sessions(&mut self) -> Result<(), StoreError> {
        let counts = self.store.read(queries::counts()).await?;
        let live = counts.active + counts.paused + counts.stalled;
        let total = counts.total();
        let mut doubles = DuplicateFinder::among(total + 2 * live);
        let mut at = Start::Offset(0);
        while let Some(page) = self.session_page(Part::Sessions, at).await? {
            for row in &page.items {
                self.all_found(rows::session(&row.value));
                doubles.insert(&row.value);
            }
            self.relatives(&page.items).await?;
            self.checked.sessions += page.items.len() as u64;
            self.progress(Part::Sessions, self.checked.sessions, Some(total));
            let Some(next) = page.next else { break };
            at = Start::After(next);
        }
        while doubles.next_round() {
            self.every_session(total, |session| doubles.insert(session)).await?;
        }
        if doubles.any() {
            self.every_session(total, |session| doubles.name(session)).await?;
        }
        for (rule, one, other) in doubles.candidates() {
            if let Some((one, other)) = self.at_once(one, other).await?
                && let Some(finding) = clash(rule, &one, &other)
            {
                self.found(finding);
            }
        }
        Ok(())
    }

    /// Reads all sessions again.
    async fn every_session(&mut self, total: u64, mut see: impl FnMut(&Session)) -> Result<(), StoreError> {
        let (mut at, mut done) = (Start::Offset(0), 0);
        while let Some(page) = self.session_page(Part::Sets, at).await? {
            page.items.iter().for_each(|row| see(&row.value));
            done += page.items.len() as u64;
            self.progress(Part::Sets, done, Some(total));
            let Some(next) = page.next else { break };
            at = Start::After(next);
        }
        Ok(())
    }

    async fn session_page(&mut self, part: Part, start: Start) -> Result<Option<Page<Session>>, StoreError> {
        let page =
            self.store.read(queries::sessions(&SessionFilter::default(), PageRequest { limit: PAGE, start })).await;
        self.readable(part, page)
    }

    pub(super) async fn tasks(&mut self) -> Result<(), StoreError> {
        let mut sessions: HashMap<SessionId, Option<SessionRef>> = HashMap::new();
        let mut at = Start::Offset(0);
        loop {
            let page =
                self.store.read(queries::tasks(&TaskFilter::default(), PageRequest { limit: PAGE, start: at })).await;
            let Some(page) = self.readable(Part::Tasks, page)? else { return Ok(()) };
            if sessions.len() > REMEMBERED {
                sessions.clear();
            }
            let missing: HashSet<_> = page.items.iter().map(|row| row.value.session_id).collect();
            let missing: Vec<_> = missing.into_iter().filter(|id| !sessions.contains_key(id)).collect();
            let store = self.store;
            let answers = look_up_all(missing, |id| async move { (id, store.read(queries::session(id)).await) }).await;
            for (id, answer) in answers {
                if let Some(row) = known(answer)? {
                    sessions.insert(id, row.map(|row| SessionRef::from(&row.value)));
                }
            }
            let mut suspects = Vec::new();
            let mut copies = Vec::new();
            for task in page.items.iter().map(|row| &row.value) {
                self.all_found(rows::task(task));
                let Some(session) = sessions.get(&task.session_id) else { continue };
                if !belongs(task, session.as_ref()).is_empty() {
                    suspects.push(task.id);
                }
                if let (Some(origin), Some(session)) = (task.copied_from, session) {
                    copies.push(Copied {
                        id: task.id,
                        origin,
                        project_id: task.project_id.clone(),
                        of: session.clone(),
                    });
                }
            }
            for task in suspects {
                self.task(task).await?;
            }
            self.origins(copies).await?;
            self.checked.tasks += page.items.len() as u64;
            self.progress(Part::Tasks, self.checked.tasks, Some(page.total.max(self.checked.tasks)));
            match page.next {
                Some(next) => at = Start::After(next),
                None => return Ok(()),
            }
        }
    }

    pub(super) async fn machines(&mut self) -> Result<(), StoreError> {
        let mut at = Start::Offset(0);
        loop {
            let page = self
                .store
                .read(queries::machines(&MachineFilter::default(), PageRequest { limit: PAGE, start: at }))
                .await;
            let Some(page) = self.readable(Part::Machines, page)? else { return Ok(()) };
            page.items.iter().for_each(|row| self.all_found(rows::machine(&row.value)));
            self.checked.machines += page.items.len() as u64;
            self.progress(Part::Machines, self.checked.machines, Some(page.total.max(self.checked.machines)));
            match page.next {
                Some(next) => at = Start::After(next),
                None => return Ok(()),
            }
        }
    }
}
