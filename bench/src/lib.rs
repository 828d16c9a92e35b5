//! Load driver, floor server and budgets; they grow with the endpoints they measure.
