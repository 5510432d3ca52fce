package main

import (
	"github.com/spf13/cobra"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// It takes no context yet, which is why this file is not kube's.
func newKubelet() *cobra.Command { return kubelet.NewKubeletCommand() }
