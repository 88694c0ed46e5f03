//! URIs without their passwords.

/// Returns a MongoDB URI that may be shown: with `***` for the password.
pub fn masked(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    // The authority ends at the first slash or question mark. A well-formed password has neither; an ill-formed one is
    // hidden too, by dividing at the last @ of all.
    let Some((credentials, hosts)) = rest.rsplit_once('@') else { return uri.to_owned() };
    let user = credentials.split_once(':').map_or(credentials, |(user, _)| user);
    format!("{scheme}://{user}:***@{hosts}")
}

#[cfg(test)]
mod tests {
    //! Which part of a URI is shown.

    use super::masked;

    #[test]
    fn password_is_never_shown() {
        assert_eq!(masked("mongodb://u:secret@h:1,i:2/?replicaSet=r"), "mongodb://u:***@h:1,i:2/?replicaSet=r");
        assert_eq!(masked("mongodb+srv://u:se/c@ret@h/db"), "mongodb+srv://u:***@h/db");
        assert_eq!(masked("mongodb://127.0.0.1:1/?replicaSet=r"), "mongodb://127.0.0.1:1/?replicaSet=r");
    }
}
