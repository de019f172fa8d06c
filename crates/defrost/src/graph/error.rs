//! Something that has no graph.

use thiserror::Error;

/// Part of a model can't be described as a graph.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what} has no graph: {reason}")]
pub struct NoGraph {
    /// What has none.
    pub what: String,
    /// The reason.
    pub reason: String,
}

impl NoGraph {
    /// This has none, because of that.
    pub fn new(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { what: what.into(), reason: reason.into() }
    }

    /// A type whose author has not described it.
    pub fn of<T: ?Sized>(method: &str) -> Self {
        let path = std::any::type_name::<T>();
        let name = path.split('<').next().and_then(|path| path.rsplit("::").next()).unwrap_or(path);
        Self::new(format!("`{name}`"), format!("implement {method} for it, beside its forward pass"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_to_write() {
        let expected = "`NoGraph` has no graph: implement Block::export for it, beside its forward pass";
        assert_eq!(NoGraph::of::<NoGraph>("Block::export").to_string(), expected);
    }
}
