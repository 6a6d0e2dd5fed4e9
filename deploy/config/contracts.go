package config

import (
	"errors"
	"fmt"
	"os"

	"github.com/ordergate/ordergate/proxy"
	"github.com/ordergate/ordergate/rules/contract"
)

// Contract is an OpenAPI 3 document of the platform.
type Contract struct {
	// File is the document, in YAML or JSON, relative to the folder of this file;
	// what it refers to must be below its folder. Required.
	File string `yaml:"file"`
	// Paths are patterns of the paths that the document speaks for; others are not
	// held against it. Empty: every path.
	Paths []Glob `yaml:"paths,omitempty"`
	// Enforce has requests refused that are not as the document says, with 404, 405,
	// 415 or 400; without it they are counted and logged. Fields of answers that it
	// does not declare are told of in either case, never refused. Danger: what the
	// document has forgotten is refused.
	Enforce bool `yaml:"enforce"`
}

// maxContracts bounds the documents, and maxContractFile each of their files, in
// bytes.
const (
	maxContracts    = 32
	maxContractFile = 8 << 20
)

// OpenContracts reads the documents. All faults are told at once.
func (c *Config) OpenContracts() ([]proxy.Contract, error) {
	var out []proxy.Contract
	var faults []error
	for i := range c.Contracts {
		own := &c.Contracts[i]
		document, err := contract.Load(c.beside(own.File), readContract)
		if err != nil {
			faults = append(faults, fmt.Errorf("contracts[%d].file: %w", i, err))
			continue
		}
		open := proxy.Contract{Document: document, Enforce: own.Enforce}
		for _, pattern := range own.Paths {
			open.Paths = append(open.Paths, string(pattern))
		}
		out = append(out, open)
	}
	return out, errors.Join(faults...)
}

func readContract(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("%w: look at the path, which is relative to the config file", err)
	}
	if info.Size() > maxContractFile {
		return nil, fmt.Errorf("%s is larger than 8 MiB: split it", file)
	}
	return os.ReadFile(file) //nolint:wrapcheck // names the file
}

func (v *checker) contracts(c *Config) {
	if len(c.Contracts) > maxContracts {
		v.fault("contracts", fmt.Sprint(len(c.Contracts)), "are more documents than there can be", fmt.Sprintf("write at most %d", maxContracts))
	}
	for i := range c.Contracts {
		if c.Contracts[i].File == "" {
			v.fault(fmt.Sprintf("contracts[%d].file", i), "", "is missing", "write the OpenAPI document, such as openapi.yaml")
		}
	}
}
