# What is asked for here is checked, and explained, in settings/variables.tf.

variable "region" {
  description = "AWS region of everything."
  type        = string
  default     = "eu-central-1"
}

variable "name" {
  description = "Begins the name of everything that is made."
  type        = string
  default     = "dockyard"
}

variable "size" {
  description = "How large: small, medium or large."
  type        = string
  default     = "small"
}

variable "domain" {
  description = "Host name of the registry, as in images.example.org."
  type        = string
}

variable "zone_id" {
  description = "Route 53 zone of the domain; a certificate and the name's record are made in it. Null when DNS is elsewhere."
  type        = string
  default     = null
}

variable "certificate_arn" {
  description = "ACM certificate of the domain, when there is no zone_id."
  type        = string
  default     = null
}

variable "app_version" {
  description = "Names what is deployed; a new one deploys what `scripts/image.sh --bundle` left."
  type        = string
  default     = "0.1.0"
}

variable "alarm_email" {
  description = "Where alarms go; null for nowhere."
  type        = string
  default     = null
}

variable "keep_days" {
  description = "Days for which backups of the database, deleted blobs and logs are kept."
  type        = number
  default     = 14
}

variable "protect" {
  description = "Whether database and bucket refuse to be destroyed while they hold anything."
  type        = bool
  default     = true
}
