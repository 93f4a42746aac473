package ctl

// failure is an error in what was asked for, not in how: exit status 1, and no word about usage.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }
