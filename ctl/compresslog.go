package ctl

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"

	"goinit/logs/segment"
)

// compressLogVerb is goinit's own: it starts one for each segment of a log that is closed.
func compressLogVerb() *cobra.Command {
	return &cobra.Command{
		Use:    "compress-log FILE",
		Short:  "make a .log.zst of a closed segment of a log",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(_ *cobra.Command, args []string) error {
			if err := compressLog(args[0]); err != nil {
				return failure{fmt.Errorf("cannot compress %s: %w", args[0], err)}
			}
			return nil
		},
	}
}

// compressLog compresses beside the file, renames, and then removes the file: whoever reads meanwhile has one of the two. The
// time of the last change goes with it, for data that has no record.
func compressLog(path string) (err error) {
	number, kind, ok := segment.ParseName(filepath.Base(path))
	if !ok || kind != segment.Log {
		return fmt.Errorf("it is no segment of a log")
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return err
	}
	final := filepath.Join(filepath.Dir(path), segment.Name(number, segment.Compressed))
	out, err := os.OpenFile(final+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(final + ".tmp")
		}
	}()
	w, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err == nil {
		_, err = io.Copy(w, in)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = out.Sync() // before the only other copy goes
	}
	if e := out.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Chtimes(final+".tmp", st.ModTime(), st.ModTime())
	}
	if err == nil {
		err = os.Rename(final+".tmp", final)
	}
	if err == nil {
		err = os.Remove(path)
	}
	return err
}
