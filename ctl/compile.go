package ctl

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"goinit/spec/compile"
)

func compileVerb() *cobra.Command {
	var file, out string
	verb := &cobra.Command{
		Use:   "compile [-f FILE] [--out FILE]",
		Short: "turn a spec into the JSON that PID 1 reads",
		Long:  "Turn a spec into the JSON that PID 1 reads. In a Dockerfile, RUN goinit ctl compile --out /etc/goinit/goinit.json\ntells mistakes when the image is built, and saves the time at each start.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			path, err := findSpec(file)
			if err != nil {
				return failure{err}
			}
			compiled, problems := compile.Compile(path, compile.OS{})
			if problems != nil {
				return failure{specMistakes{problems}}
			}
			if out == "" || out == "-" {
				_, err = c.OutOrStdout().Write(compiled)
			} else {
				err = writeAtomically(out, compiled)
			}
			if err != nil {
				return failure{fmt.Errorf("cannot write the compiled spec: %w", err)}
			}
			return nil
		},
	}
	verb.Flags().StringVarP(&file, "file", "f", "", "the spec (default: $GOINIT_SPEC, ./goinit.yaml, ./Procfile, /etc/goinit/goinit.yaml)")
	verb.Flags().StringVar(&out, "out", "", "where to write it (default: stdout)")
	return verb
}

// writeAtomically writes beside the file and renames, so that nobody ever reads half of it.
// What is there and no regular file (a device, a FIFO) is written as it is, and a symbolic link is followed.
func writeAtomically(path string, data []byte) (err error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, data, 0)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644) // PID 1 may be another uid; a spec names secrets by file
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}
