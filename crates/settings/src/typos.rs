//! Suggestions for unknown names: the known name that is nearest.

use crate::table::{Setting, Table};

/// In what other programs may name too, a shorter name is too easily near one of ours.
const LEAST_LENGTH: usize = 8;
/// So many letters apart is still a slip of the hand.
const SLIP: usize = 2;

/// The setting that a name in the environment or in `.env` was meant to be, if it is none and nearly one.
pub(crate) fn likely_typo(table: &Table, name: &str) -> Option<&'static Setting> {
    if table.named(name).is_some() || name.chars().count() < LEAST_LENGTH {
        return None;
    }
    nearest(table, name).filter(|(_, apart)| *apart <= SLIP).map(|(setting, _)| setting)
}

/// The name to suggest for one in a file, where every name should be ours.
pub(crate) fn suggestion(table: &Table, key: &str) -> Option<&'static Setting> {
    let key = key.to_ascii_uppercase();
    let limit = SLIP.max(key.chars().count() / 3);
    nearest(table, &key).filter(|(_, apart)| *apart <= limit).map(|(setting, _)| setting)
}

fn nearest(table: &Table, name: &str) -> Option<(&'static Setting, usize)> {
    let apart = |setting: &&'static Setting| (*setting, strsim::levenshtein(setting.name, name));
    table.settings.iter().map(apart).min_by_key(|(_, apart)| *apart)
}

#[cfg(test)]
mod tests {
    use super::{likely_typo, suggestion};
    use crate::test_table::TABLE;

    #[test]
    fn a_slip_of_the_hand_is_told_from_other_programs_names() {
        for (name, meant) in [
            ("STALL_TRESHOLD_MS", "STALL_THRESHOLD_MS"),
            ("STORE_URI", "STORE_URL"),
            ("RETENTION_DAY", "RETENTION_DAYS"),
            ("API_KEYSS", "API_KEYS"),
        ] {
            assert_eq!(likely_typo(&TABLE, name).unwrap().name, meant);
        }
        let others =
            ["SSL_CERT_FILE", "HOSTNAME", "API_KEY", "SPORT", "OTEL_TRACES_SAMPLER", "LOGNAME", "STORE_URL", "PATH"];
        for other in others {
            assert!(likely_typo(&TABLE, other).is_none(), "{other}");
        }
    }

    #[test]
    fn in_a_file_of_ours_a_name_may_be_further_off() {
        assert_eq!(suggestion(&TABLE, "PORT").unwrap().name, "PORT");
        assert_eq!(suggestion(&TABLE, "max_body_size_bytes").unwrap().name, "MAX_BODY_BYTES");
        assert!(suggestion(&TABLE, "colour").is_none());
    }
}
