# The servers: Elastic Beanstalk builds the image from the bundle on each of them, behind a load balancer that speaks HTTPS.

data "archive_file" "bundle" {
  type             = "zip"
  source_dir       = "${path.root}/../target/bundle"
  output_path      = "${path.root}/../target/${module.settings.bundle_key}"
  output_file_mode = "0755"
}

resource "aws_s3_object" "bundle" {
  bucket      = aws_s3_bucket.this["bundles"].id
  key         = module.settings.bundle_key
  source      = data.archive_file.bundle.output_path
  source_hash = data.archive_file.bundle.output_base64sha256

  depends_on = [aws_s3_bucket_server_side_encryption_configuration.this, aws_s3_bucket_versioning.this]
}

resource "aws_elastic_beanstalk_application" "this" {
  name        = local.name
  description = "A Docker Hub of our own"
}

resource "aws_elastic_beanstalk_application_version" "this" {
  name        = "${local.name}-${var.app_version}-${substr(data.archive_file.bundle.output_sha256, 0, 12)}"
  application = aws_elastic_beanstalk_application.this.name
  bucket      = aws_s3_object.bundle.bucket
  key         = aws_s3_object.bundle.key

  lifecycle {
    create_before_destroy = true
  }
}

data "aws_elastic_beanstalk_solution_stack" "docker" {
  name_regex  = "^64bit Amazon Linux 2023 v.* running Docker$"
  most_recent = true
}

locals {
  certificate_arn = module.settings.makes_certificate ? aws_acm_certificate_validation.this[0].certificate_arn : var.certificate_arn

  environment = {
    DOCKYARD_LISTEN          = "0.0.0.0:${local.server_port}"
    DOCKYARD_PUBLIC_URL      = module.settings.public_url
    DOCKYARD_TRUSTED_PROXIES = module.settings.network.all
    DOCKYARD_BUCKET          = aws_s3_bucket.this["blobs"].id
    DOCKYARD_S3_REGION       = var.region
    DOCKYARD_LOG_FORMAT      = "json"
  }

  options = {
    "aws:ec2:vpc" = {
      VPCId                    = aws_vpc.this.id
      Subnets                  = join(",", aws_subnet.private[*].id)
      ELBSubnets               = join(",", aws_subnet.public[*].id)
      ELBScheme                = "public"
      AssociatePublicIpAddress = "false"
    }
    "aws:elasticbeanstalk:environment" = {
      EnvironmentType  = "LoadBalanced"
      LoadBalancerType = "application"
      ServiceRole      = aws_iam_role.beanstalk.name
    }
    "aws:ec2:instances" = {
      InstanceTypes = module.settings.size.instance_type
    }
    "aws:autoscaling:launchconfiguration" = {
      IamInstanceProfile             = aws_iam_instance_profile.server.name
      SecurityGroups                 = aws_security_group.server.id
      DisableDefaultEC2SecurityGroup = "true"
      DisableIMDSv1                  = "true"
      RootVolumeType                 = "gp3"
      RootVolumeSize                 = "16"
      RootVolumeEncrypted            = "true"
    }
    "aws:autoscaling:asg" = {
      MinSize = tostring(module.settings.size.instances.min)
      MaxSize = tostring(module.settings.size.instances.max)
    }
    "aws:autoscaling:trigger" = {
      MeasureName    = "CPUUtilization"
      Unit           = "Percent"
      Statistic      = "Average"
      UpperThreshold = "70"
      LowerThreshold = "25"
    }
    # Always as many as before serve while new ones are put in their place.
    "aws:elasticbeanstalk:command" = {
      DeploymentPolicy = "RollingWithAdditionalBatch"
      BatchSizeType    = "Fixed"
      BatchSize        = "1"
    }
    "aws:autoscaling:updatepolicy:rollingupdate" = {
      RollingUpdateEnabled = "true"
      RollingUpdateType    = "Health"
    }
    "aws:elasticbeanstalk:environment:process:default" = {
      Port                = tostring(local.server_port)
      Protocol            = "HTTP"
      HealthCheckPath     = "/readyz"
      HealthCheckInterval = "15"
      HealthCheckTimeout  = "5"
      DeregistrationDelay = "60"
    }
    # Whoever comes by http is led on by a listener of ours.
    "aws:elbv2:listener:default" = {
      ListenerEnabled = "false"
    }
    "aws:elbv2:listener:443" = {
      Protocol           = "HTTPS"
      SSLCertificateArns = local.certificate_arn
      SSLPolicy          = "ELBSecurityPolicy-TLS13-1-2-2021-06"
    }
    "aws:elbv2:loadbalancer" = {
      SecurityGroups       = aws_security_group.balancer.id
      ManagedSecurityGroup = aws_security_group.balancer.id
      # Longer than a client pauses within a body, which the server bounds.
      IdleTimeout = "300"
    }
    "aws:elasticbeanstalk:cloudwatch:logs" = {
      StreamLogs        = "true"
      DeleteOnTerminate = "false"
      RetentionInDays   = tostring(var.keep_days)
    }
    "aws:elasticbeanstalk:managedactions:platformupdate" = {
      UpdateLevel = "minor"
    }
    "aws:elasticbeanstalk:application:environment" = local.environment
    # Read by Elastic Beanstalk when an instance starts.
    "aws:elasticbeanstalk:application:environmentsecrets" = {
      DOCKYARD_DATABASE_URL = aws_secretsmanager_secret.database_url.arn
    }
  }

  settings = merge([
    for namespace, options in local.options : {
      for name, value in options : "${namespace}/${name}" => { namespace = namespace, name = name, value = value }
    }
  ]...)
}

resource "aws_elastic_beanstalk_environment" "this" {
  # checkov:skip=CKV_AWS_312:Health reporting is enhanced; the check looks for an option of another namespace.
  name                = local.name
  application         = aws_elastic_beanstalk_application.this.name
  version_label       = aws_elastic_beanstalk_application_version.this.name
  solution_stack_name = data.aws_elastic_beanstalk_solution_stack.docker.name

  # These three stand here and not above, where what checks this reads them.
  setting {
    namespace = "aws:elasticbeanstalk:healthreporting:system"
    name      = "SystemType"
    value     = "enhanced"
  }
  setting {
    namespace = "aws:elasticbeanstalk:managedactions"
    name      = "ManagedActionsEnabled"
    value     = "true"
  }
  setting {
    namespace = "aws:elasticbeanstalk:managedactions"
    name      = "PreferredStartTime"
    value     = "Sun:05:00"
  }

  dynamic "setting" {
    for_each = local.settings

    content {
      namespace = setting.value.namespace
      name      = setting.value.name
      value     = setting.value.value
    }
  }

  # The first server fetches its secret, and the last one gives its blobs back.
  depends_on = [
    aws_iam_role_policy.server,
    aws_iam_role_policy_attachment.beanstalk,
    aws_nat_gateway.this,
    aws_route_table_association.private,
    aws_secretsmanager_secret_version.database_url,
    aws_vpc_security_group_ingress_rule.database,
    aws_vpc_security_group_egress_rule.server_database,
    aws_vpc_security_group_egress_rule.server_https,
  ]
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_elastic_beanstalk_environment.this.load_balancers[0]
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      protocol    = "HTTPS"
      port        = tostring(local.https_port)
      status_code = "HTTP_301"
    }
  }
}

# --- the name -----------------------------------------------------------------------------------------------------------

resource "aws_acm_certificate" "this" {
  count = module.settings.makes_certificate ? 1 : 0

  domain_name       = var.domain
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  count = module.settings.makes_certificate ? 1 : 0

  zone_id = var.zone_id
  name    = tolist(aws_acm_certificate.this[0].domain_validation_options)[0].resource_record_name
  type    = tolist(aws_acm_certificate.this[0].domain_validation_options)[0].resource_record_type
  records = [tolist(aws_acm_certificate.this[0].domain_validation_options)[0].resource_record_value]
  ttl     = 300
}

resource "aws_acm_certificate_validation" "this" {
  count = module.settings.makes_certificate ? 1 : 0

  certificate_arn         = aws_acm_certificate.this[0].arn
  validation_record_fqdns = aws_route53_record.validation[*].fqdn
}

data "aws_lb" "this" {
  arn = aws_elastic_beanstalk_environment.this.load_balancers[0]
}

resource "aws_route53_record" "this" {
  count = module.settings.makes_certificate ? 1 : 0

  zone_id = var.zone_id
  name    = var.domain
  type    = "A"

  alias {
    name                   = data.aws_lb.this.dns_name
    zone_id                = data.aws_lb.this.zone_id
    evaluate_target_health = true
  }
}
