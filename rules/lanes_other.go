//go:build !amd64 || purego

package rules

const lanes = false

func hmacLane(*Digest, *keyStates, *block) { panic("no lanes") }

func hmacLanes(*[2]Digest, *keyStates, *[2]block) { panic("no lanes") }
