variable "name" {
  description = "Begins the name of everything that is made."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,19}$", var.name)) && !endswith(var.name, "-")
    error_message = "The name has 3 to 20 lower-case letters, digits and dashes, begins with a letter and does not end in a dash: names of load balancers and buckets begin with it."
  }
}

variable "account_id" {
  description = "The AWS account, which makes the names of buckets unique."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An AWS account has 12 digits."
  }
}

variable "region" {
  description = "AWS region of everything."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "A region is written like eu-central-1."
  }
}

variable "size" {
  description = "How large: small, medium or large."
  type        = string

  validation {
    condition     = contains(["small", "medium", "large"], var.size)
    error_message = "The size is small, medium or large."
  }
}

variable "domain" {
  description = "Host name of the registry."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.domain)) && length(var.domain) <= 253
    error_message = "The domain is a host name in lower case, as in images.example.org, without https:// and without a port."
  }
}

variable "zone_id" {
  description = "Route 53 zone of the domain, or null."
  type        = string
  default     = null
}

variable "certificate_arn" {
  description = "ACM certificate of the domain, or null."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:aws[a-z-]*:acm:", var.certificate_arn))
    error_message = "The certificate is the ARN of one in ACM, in this region."
  }

  validation {
    condition     = (var.zone_id == null) != (var.certificate_arn == null)
    error_message = "Give either zone_id, in which a certificate is made, or certificate_arn: HTTPS takes one of them, and only one."
  }
}

variable "app_version" {
  description = "Names what is deployed."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", var.app_version))
    error_message = "The version has up to 64 letters, digits, dots, dashes and underscores."
  }
}

variable "keep_days" {
  description = "Days for which backups, deleted blobs and logs are kept."
  type        = number

  validation {
    condition     = contains([7, 14, 30], var.keep_days)
    error_message = "Backups, deleted blobs and logs are kept for 7, 14 or 30 days: what RDS, S3 and CloudWatch all know."
  }
}
