output "name" {
  description = "Begins the name of everything."
  value       = var.name
}

output "tags" {
  description = "On everything."
  value       = { Application = var.name, ManagedBy = "terraform" }
}

output "size" {
  description = "Instance type and count, database class and disk."
  value       = local.sizes[var.size]
}

output "buckets" {
  description = "Names of the buckets, unique over all of AWS."
  value = {
    for kind in ["blobs", "bundles", "logs"] : kind => "${var.name}-${kind}-${var.account_id}-${var.region}"
  }
}

output "network" {
  description = "Address ranges of the network and of its parts, by zone."
  value = {
    all     = local.network
    public  = [for zone in range(2) : cidrsubnet(local.network, 8, zone)]
    private = [for zone in range(2) : cidrsubnet(local.network, 8, 10 + zone)]
  }
}

output "public_url" {
  description = "Where clients find the registry."
  value       = "https://${var.domain}"
}

output "bundle_key" {
  description = "Key of what is deployed."
  value       = "${var.name}-${var.app_version}.zip"
}

output "log_group" {
  description = "Where Elastic Beanstalk puts what the server logs."
  value       = "/aws/elasticbeanstalk/${var.name}"
}

output "makes_certificate" {
  description = "Whether a certificate and a record of the domain are made."
  value       = var.zone_id != null
}
