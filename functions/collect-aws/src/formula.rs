//! RDS parameter formulas: `LEAST({DBInstanceClassMemory/9531392},5000)`.
//!
//! The language is that of the RDS user guide, "Specifying DB parameters": numbers, `+ - * /`, braces, parentheses, the functions
//! `LEAST`, `GREATEST`, `SUM` and `log` (base 2), and variables. `IF` is not read.

use crate::instance_class::Hardware;

/// Formulas are short; a longer text is none, and would only nest deep.
const MAX_CHARS: usize = 200;

/// The value of a formula on an instance class, rounded down as RDS does; a plain number is itself.
///
/// Approximate where memory enters: `DBInstanceClassMemory` is the class's memory less what RDS keeps for its own
/// processes, which AWS does not publish, so the true value is some per cent lower. `None` for anything that is no
/// formula, or one that needs what is not known of the instance.
pub fn evaluate(text: &str, hardware: Option<Hardware>) -> Option<f64> {
    if text.len() > MAX_CHARS {
        return None;
    }
    if let Ok(number) = text.trim().parse::<f64>() {
        return number.is_finite().then_some(number);
    }
    let characters: Vec<char> = text.chars().collect();
    let mut parser = Parser { rest: &characters, hardware };
    let value = parser.sum()?;
    parser.skip_blanks();
    (parser.rest.is_empty() && value.is_finite()).then(|| value.floor())
}

/// A recursive descent over what is left of the text; `None` anywhere means "not a formula".
struct Parser<'a> {
    rest: &'a [char],
    hardware: Option<Hardware>,
}

impl Parser<'_> {
    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product()?;
        loop {
            if self.take('+') {
                value += self.product()?;
            } else if self.take('-') {
                value -= self.product()?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.factor()?;
        loop {
            if self.take('*') {
                value *= self.factor()?;
            } else if self.take('/') {
                value /= self.factor()?;
            } else {
                return Some(value);
            }
        }
    }

    fn factor(&mut self) -> Option<f64> {
        if self.take('-') {
            return Some(-self.factor()?);
        }
        for (open, close) in [('{', '}'), ('(', ')')] {
            if self.take(open) {
                let value = self.sum()?;
                return self.take(close).then_some(value);
            }
        }
        let word = self.word();
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return word.parse().ok();
        }
        if !self.take('(') {
            return self.variable(&word);
        }
        let mut arguments = vec![self.sum()?];
        while self.take(',') {
            arguments.push(self.sum()?);
        }
        if self.take(')') { apply(&word, &arguments) } else { None }
    }

    fn variable(&self, name: &str) -> Option<f64> {
        let hardware = self.hardware?;
        match name {
            "DBInstanceClassMemory" => Some(hardware.memory_gib * 1024.0 * 1024.0 * 1024.0),
            "DBInstanceVCPU" => Some(hardware.vcpus),
            _ => None,
        }
    }

    fn take(&mut self, wanted: char) -> bool {
        self.skip_blanks();
        match self.rest.split_first() {
            Some((first, rest)) if *first == wanted => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn skip_blanks(&mut self) {
        let blanks = self.rest.iter().take_while(|c| c.is_whitespace()).count();
        self.rest = &self.rest[blanks..];
    }

    fn word(&mut self) -> String {
        self.skip_blanks();
        let length = self.rest.iter().take_while(|c| c.is_ascii_alphanumeric() || **c == '.').count();
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        word.iter().collect()
    }
}

fn apply(function: &str, arguments: &[f64]) -> Option<f64> {
    match function.to_ascii_uppercase().as_str() {
        "LEAST" => arguments.iter().copied().reduce(f64::min),
        "GREATEST" => arguments.iter().copied().reduce(f64::max),
        "SUM" => Some(arguments.iter().sum()),
        "LOG" => arguments.first().map(|value| value.log2()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance_class::hardware;

    fn on(class: &str, text: &str) -> Option<f64> {
        evaluate(text, hardware(class))
    }

    #[test]
    fn formulas_come_to_what_the_class_gives() {
        assert_eq!(on("db.r6g.2xlarge", "LEAST({DBInstanceClassMemory/9531392},5000)"), Some(5000.0));
        assert_eq!(on("db.t3.medium", "LEAST({DBInstanceClassMemory/9531392},5000)"), Some(450.0));
        assert_eq!(on("db.m5.large", "{DBInstanceClassMemory/12582880}"), Some(682.0));
        assert_eq!(on("db.m5.large", "{DBInstanceClassMemory*3/4}"), Some(6.0 * 1024.0 * 1024.0 * 1024.0));
        assert_eq!(on("db.m5.large", "SUM({DBInstanceClassMemory/12038}, -50003)"), Some(663_565.0));
        assert_eq!(
            on(
                "db.r5.large",
                "GREATEST({log(DBInstanceClassMemory/805306368)*45},{log(DBInstanceClassMemory/8187281408)*1000})"
            ),
            Some(1069.0)
        );
        assert_eq!(on("db.m5.xlarge", "GREATEST({DBInstanceVCPU*2},8)"), Some(8.0));
    }

    #[test]
    fn a_number_is_itself_and_what_cannot_be_known_is_not_invented() {
        assert_eq!(evaluate("500", None), Some(500.0));
        for text in [
            "{DBInstanceClassMemory/9531392}",
            "on",
            "",
            "LEAST(1",
            "LEAST({5},)",
            "1 2",
            "{1/0}",
            "NaN",
            "IF({5},1,2)",
        ] {
            assert_eq!(evaluate(text, None), None, "{text}");
        }
        assert_eq!(evaluate(&"(".repeat(10_000), None), None);
    }
}
