//go:build !purego

package rules

// lanes says that the processor has what hmacLane and hmacLanes are made of.
var lanes = haveLanes()

func haveLanes() bool

// hmacLane sets d to what blocks.digest returns for a block with its padding.
//
//go:noescape
func hmacLane(d *Digest, key *keyStates, block *block)

// hmacLanes is hmacLane for two blocks.
//
//go:noescape
func hmacLanes(d *[2]Digest, key *keyStates, blocks *[2]block)
