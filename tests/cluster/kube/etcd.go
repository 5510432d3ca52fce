package main

import (
	"net/url"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
)

// etcd on one loopback address, without fsync: what it holds ends with the cluster.
func etcd() *cobra.Command {
	return &cobra.Command{
		Use:  "etcd FOLDER URL",
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			client, err := url.Parse(args[1])
			if err != nil {
				return err
			}
			// Port 0: the only member has no peer to be found by.
			peer := url.URL{Scheme: "http", Host: "127.0.0.1:0"}
			config := embed.NewConfig()
			config.Dir = args[0]
			config.ListenClientUrls = []url.URL{*client}
			config.AdvertiseClientUrls = []url.URL{*client}
			config.ListenPeerUrls = []url.URL{peer}
			config.AdvertisePeerUrls = []url.URL{peer}
			config.InitialCluster = config.InitialClusterFromName(config.Name)
			config.UnsafeNoFsync = true
			config.LogLevel = "warn"
			server, err := embed.StartEtcd(config)
			if err != nil {
				return err
			}
			return <-server.Err()
		},
	}
}
