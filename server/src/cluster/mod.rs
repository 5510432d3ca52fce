//! The outside: kube client, pods, port-forward, helm, streams to the agent.
