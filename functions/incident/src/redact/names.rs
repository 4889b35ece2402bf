//! Names that a prompt may hold only under another name, and back again.

use std::cell::RefCell;

use super::policy;

/// The names of one prompt, and what stands for them: `person-1`, in the order of the settings.
#[derive(Debug)]
pub struct Pseudonyms {
    names: Vec<String>,
    used: RefCell<Vec<bool>>,
}

impl Default for Pseudonyms {
    /// Those that were configured.
    fn default() -> Self {
        let names = policy::names();
        let used = RefCell::new(vec![false; names.len()]);
        Self { names, used }
    }
}

impl Pseudonyms {
    /// The text with every configured name replaced.
    pub fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (i, name) in self.names.iter().enumerate() {
            if text.contains(name.as_str()) {
                self.used.borrow_mut()[i] = true;
                text = text.replace(name.as_str(), &pseudonym(i));
            }
        }
        text
    }

    /// The text with the names that were hidden in their places again; others stay as they are, so that nobody learns a name by guessing.
    pub fn restore(&self, text: &str) -> String {
        let mut text = text.to_owned();
        // From the last: person-12 holds person-1.
        for (i, name) in self.names.iter().enumerate().rev().filter(|(i, _)| self.used.borrow()[*i]) {
            text = text.replace(&pseudonym(i), name);
        }
        text
    }
}

fn pseudonym(i: usize) -> String {
    format!("person-{}", i + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_name_comes_back_and_a_guessed_one_does_not() {
        let names = Pseudonyms {
            names: vec!["Ruth Okafor".to_owned(), "Jun".to_owned()],
            used: RefCell::new(vec![false; 2]),
        };
        let hidden = names.hide("by Ruth Okafor");
        assert_eq!(hidden, "by person-1");
        assert_eq!(
            names.restore("person-1 wrote it, person-2 did not"),
            "Ruth Okafor wrote it, person-2 did not"
        );
    }
}
