# Alarms, to a topic and from there by mail.

resource "aws_sns_topic" "alarms" {
  name              = "${local.name}-alarms"
  kms_master_key_id = aws_kms_key.this.id
}

resource "aws_sns_topic_subscription" "mail" {
  count = var.alarm_email == null ? 0 : 1

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

locals {
  balancer = { LoadBalancer = data.aws_lb.this.arn_suffix }
  database = { DBInstanceIdentifier = aws_db_instance.this.identifier }

  alarms = {
    not-ready = {
      says      = "Elastic Beanstalk finds the environment degraded or worse: look at /readyz and the logs"
      namespace = "AWS/ElasticBeanstalk", metric = "EnvironmentHealth", statistic = "Maximum"
      above     = 19, minutes = 5, dimensions = { EnvironmentName = aws_elastic_beanstalk_environment.this.name }
    }
    failing = {
      says      = "Servers answer 5xx: the log names each failure with the request's id"
      namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", statistic = "Sum"
      above     = 10, minutes = 5, dimensions = local.balancer
    }
    no-server = {
      says      = "The load balancer answers 5xx itself: no server takes requests"
      namespace = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", statistic = "Sum"
      above     = 5, minutes = 5, dimensions = local.balancer
    }
    database-busy = {
      says      = "The database's processor is busy: take a larger size"
      namespace = "AWS/RDS", metric = "CPUUtilization", statistic = "Average"
      above     = 80, minutes = 15, dimensions = local.database
    }
    database-connections = {
      says      = "The database has many connections: fewer instances, or a larger database"
      namespace = "AWS/RDS", metric = "DatabaseConnections", statistic = "Maximum"
      above     = 60, minutes = 10, dimensions = local.database
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "above" {
  for_each = local.alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.says
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  period              = each.value.minutes * 60
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "database_disk" {
  alarm_name          = "${local.name}-database-disk"
  alarm_description   = "Less than 2 GB are left for the database: it grows by itself up to its most, look at that"
  namespace           = "AWS/RDS"
  metric_name         = "FreeStorageSpace"
  dimensions          = local.database
  statistic           = "Minimum"
  comparison_operator = "LessThanThreshold"
  threshold           = 2000000000
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "missing"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
