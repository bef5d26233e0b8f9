//! The reference model: every port over plain collections.
