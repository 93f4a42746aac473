package control

// GatewayVariable tells the gateway the number of its connection to goinit, which it was started with.
const GatewayVariable = "GOINIT_GATEWAY_FD"
