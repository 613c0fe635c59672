output "url" {
  description = "Where the registry is."
  value       = module.settings.public_url
}

output "load_balancer" {
  description = "What the domain must point to, as a CNAME, when its DNS is not in Route 53."
  value       = data.aws_lb.this.dns_name
}

output "setup" {
  description = "Where the link stands that makes the first administrator."
  value       = "aws logs tail ${module.settings.log_group}/var/log/eb-docker/containers/eb-current-app/eb-stdouterr.log --filter-pattern setup"
}

output "bucket" {
  description = "The bucket of the blobs."
  value       = aws_s3_bucket.this["blobs"].id
}

output "database" {
  description = "The database's address, inside the network."
  value       = aws_db_instance.this.endpoint
}

output "database_secret" {
  description = "The secret that holds the database's address with its password."
  value       = aws_secretsmanager_secret.database_url.arn
}

output "alarms" {
  description = "The topic that alarms go to."
  value       = aws_sns_topic.alarms.arn
}
