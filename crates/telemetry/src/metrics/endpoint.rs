//! Which endpoint a request is for: the template of its route, found again from its path alone, so that those are counted
//! as well that never reach a route. What fits none is one endpoint for all: a label must not be a client's to choose.

/// What fits no route.
const UNMATCHED: &str = "unmatched";
/// The files of the documentation's page, which are in no table.
const ASSETS: (&str, &str) = ("/api/docs/", "/api/docs/{file}");
/// No route has more parts.
const MOST_PARTS: usize = 6;

/// Every endpoint, in the order of the routes: the first that fits is it.
pub(super) struct Endpoints {
    routes: Vec<(&'static str, Vec<&'static str>)>,
}

/// One of them, as a place in a list of [`Endpoints::count`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Endpoint(usize);

impl Endpoint {
    pub(super) const fn place(self) -> usize {
        self.0
    }
}

impl Endpoints {
    pub(super) fn new(routes: impl IntoIterator<Item = &'static str>) -> Self {
        let parts = |path: &'static str| path.split('/').skip(1).collect();
        Self { routes: routes.into_iter().map(|path| (path, parts(path))).collect() }
    }

    pub(super) fn count(&self) -> usize {
        self.routes.len() + 2
    }

    /// The endpoint of a path.
    pub(super) fn of(&self, path: &str) -> Endpoint {
        let mut parts = [""; MOST_PARTS];
        let mut count = 0;
        for part in path.split('/').skip(1) {
            let Some(place) = parts.get_mut(count) else { return self.beside(path) };
            *place = part;
            count += 1;
        }
        let fits = |template: &[&str]| {
            template.len() == count
                && template.iter().zip(&parts).all(|(wanted, part)| match wanted.starts_with('{') {
                    true => !part.is_empty(),
                    false => wanted == part,
                })
        };
        let found = self.routes.iter().position(|(_, template)| fits(template));
        found.map_or_else(|| self.beside(path), Endpoint)
    }

    /// The endpoint of a path that is in no table.
    fn beside(&self, path: &str) -> Endpoint {
        Endpoint(self.routes.len() + usize::from(!path.starts_with(ASSETS.0)))
    }

    /// As a label.
    pub(super) fn name(&self, endpoint: Endpoint) -> &'static str {
        match self.routes.get(endpoint.0) {
            Some((path, _)) => path,
            None if endpoint.0 == self.routes.len() => ASSETS.1,
            None => UNMATCHED,
        }
    }
}

#[cfg(test)]
mod tests;
