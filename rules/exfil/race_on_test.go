//go:build race

package exfil

const raceEnabled = true
