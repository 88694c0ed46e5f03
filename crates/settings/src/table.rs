//! One setting and the table of all of them. What is parsed, refused, shown, documented and described as JSON Schema comes
//! from the table.

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// Its name: that of its environment variable.
    pub name: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// What holds where nothing is set; none where there is no such thing.
    pub default: Option<&'static str>,
    /// What holds instead in `rekindle dev`.
    pub in_dev: Option<&'static str>,
    /// How much of its value may be shown.
    pub secrecy: Secrecy,
    /// Reads an address and returns it without its password; none where it cannot be read.
    pub without_password: Option<fn(&str) -> Option<String>>,
    /// Whether it chooses the files that are read, and so cannot be set in one.
    pub chooses_files: bool,
    /// What it is for, in one line.
    pub about: &'static str,
}

/// All settings of a program.
#[derive(Debug)]
pub struct Table {
    /// In the order in which people look for them.
    pub settings: &'static [&'static Setting],
    /// The setting that names the folder of the files.
    pub folder: &'static Setting,
    /// The setting that chooses the second file: the name of the environment.
    pub overlay: &'static Setting,
}

impl Table {
    /// The setting of this name.
    pub fn named(&self, name: &str) -> Option<&'static Setting> {
        self.settings.iter().copied().find(|setting| setting.name == name)
    }
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// An integer within these bounds.
    Integer(u64, u64),
    /// A number within these bounds.
    Decimal(f64, f64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A text.
    Text,
    /// Texts, separated by commas; in a file a list of strings.
    List,
}

/// How much of a value may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// All of it.
    Open,
    /// What is no password.
    Address,
    /// Nothing.
    Secret,
}

impl Setting {
    /// A setting of this kind, without a name so far.
    pub const fn of(kind: Kind, about: &'static str) -> Self {
        Self {
            name: "",
            kind,
            default: None,
            in_dev: None,
            secrecy: Secrecy::Open,
            without_password: None,
            chooses_files: false,
            about,
        }
    }

    /// An integer within these bounds.
    pub const fn integer(least: u64, most: u64, about: &'static str) -> Self {
        Self::of(Kind::Integer(least, most), about)
    }

    /// A text.
    pub const fn text(about: &'static str) -> Self {
        Self::of(Kind::Text, about)
    }

    /// Sets what holds where nothing is set.
    #[must_use]
    pub const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    /// Sets what holds instead in `rekindle dev`.
    #[must_use]
    pub const fn in_dev(mut self, text: &'static str) -> Self {
        self.in_dev = Some(text);
        self
    }

    /// Sets how much of its value may be shown.
    #[must_use]
    pub const fn kept(mut self, secrecy: Secrecy) -> Self {
        self.secrecy = secrecy;
        self
    }

    /// It is an address, which this reads and returns without its password.
    #[must_use]
    pub const fn address(mut self, without_password: fn(&str) -> Option<String>) -> Self {
        self.secrecy = Secrecy::Address;
        self.without_password = Some(without_password);
        self
    }

    /// It chooses the files that are read.
    #[must_use]
    pub const fn choosing_files(mut self) -> Self {
        self.chooses_files = true;
        self
    }

    /// Its name in a file.
    pub fn key(&self) -> String {
        self.name.to_ascii_lowercase()
    }
}
