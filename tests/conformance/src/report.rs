//! What came out, a line a case.

use std::fmt;

use crate::Broken;

/// What became of a case.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It passed.
    Passed,
    /// A rule was broken.
    Failed(Broken),
    /// It does not concern this plugin; why.
    LeftOut(String),
}

/// A case with its verdict.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name, with the family where there is one.
    pub case: String,
    /// What became of it.
    pub verdict: Verdict,
}

/// Everything that was run or left out.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order of the cases.
    pub rows: Vec<Row>,
}

impl Report {
    /// The rules that were broken, with the case that showed it.
    pub fn broken(&self) -> impl Iterator<Item = (&str, &Broken)> {
        self.rows.iter().filter_map(|row| match &row.verdict {
            Verdict::Failed(broken) => Some((row.case.as_str(), broken)),
            Verdict::Passed | Verdict::LeftOut(_) => None,
        })
    }

    /// How many passed, failed and were left out.
    pub fn counts(&self) -> [usize; 3] {
        let count = |is: fn(&Verdict) -> bool| self.rows.iter().filter(|r| is(&r.verdict)).count();
        [
            count(|verdict| matches!(verdict, Verdict::Passed)),
            count(|verdict| matches!(verdict, Verdict::Failed(_))),
            count(|verdict| matches!(verdict, Verdict::LeftOut(_))),
        ]
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verdict {
            Verdict::Passed => write!(f, "ok        {}", self.case),
            Verdict::Failed(broken) => {
                let why = broken.to_string().replace('\n', "\n          ");
                write!(f, "FAILED    {}\n          {why}", self.case)
            }
            Verdict::LeftOut(why) => write!(f, "left out  {}: {why}", self.case),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [passed, failed, left_out] = self.counts();
        write!(f, "{passed} passed, {failed} failed, {left_out} left out")
    }
}
